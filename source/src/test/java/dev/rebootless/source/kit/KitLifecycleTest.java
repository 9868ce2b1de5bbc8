package dev.rebootless.source.kit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.Progress;
import dev.rebootless.base.Subprocess;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The one kit that is made from nothing in a run of the tests: killed, gone on with, shared,
 * removed.
 */
class KitLifecycleTest {
    private Path cache = Path.of("/nonexistent");

    @BeforeEach
    void anEmptyCache() throws IOException {
        // Hard links need one file system.
        cache = Files.createTempDirectory(Files.createDirectories(Kits.userCache()), ".test-");
    }

    @AfterEach
    void remove() throws IOException {
        AtomicFiles.removeTree(cache);
    }

    /** The other process: makes a kit from packages that are there, without a network. */
    static final class Main {
        public static void main(String[] arguments) throws IOException {
            Path cache = Path.of(arguments[0]);
            Kits kits =
                    new Kits(
                            cache,
                            System.out::println,
                            AptConfigs.withoutNetwork(cache),
                            HostTools.searchPath());
            System.out.println("kit " + kits.add(KernelRequest.parse(arguments[1])).folder());
        }
    }

    private Process start(KernelRequest request) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        cache.toString(),
                        request.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    @Test
    void anAddThatWasKilledIsGoneOnWithByOneOfTwoAndTheKitServesOffline() throws Exception {
        Kit reference = UserKit.newest();
        KernelRequest request =
                KernelRequest.parse(
                        reference.facts().release() + "=" + reference.facts().packageVersion());
        for (KitFacts.UsedPackage used : reference.facts().packages()) {
            Path file = KitsTest.packageFile(used);
            Path home = Files.createDirectories(cache.resolve("packages").resolve(used.sha256()));
            Files.createLink(home.resolve(file.getFileName()), file);
        }

        killWhenItReadsTheImage(request);
        Path release = cache.resolve("kits").resolve(reference.facts().release());
        try (Stream<Path> left = Files.list(release)) {
            assertThat(left).allMatch(Staging::isUnfinished).hasSize(1);
        }
        assertThat(new Kits(cache, Progress.SILENT).list()).isEmpty();

        List<String> here = Collections.synchronizedList(new ArrayList<>());
        List<String> there = Collections.synchronizedList(new ArrayList<>());
        Process other = start(request);
        Kit made;
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> reading = threads.submit(() -> lines(other).forEach(there::add));
            made =
                    new Kits(
                                    cache,
                                    here::add,
                                    AptConfigs.withoutNetwork(cache),
                                    HostTools.searchPath())
                            .add(request);
            assertThat(other.waitFor(UserKit.PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
            reading.get();
        } finally {
            Subprocess.kill(other);
        }
        assertThat(other.exitValue()).as(there.toString()).isZero();
        assertThat(there).contains("kit " + made.folder());
        List<String> all = new ArrayList<>(here);
        all.addAll(there);
        assertThat(all).filteredOn(line -> line.contains("is ready after")).hasSize(1);
        assertThat(all)
                .filteredOn(line -> line.startsWith("preparing the source tree: done"))
                .hasSize(1);
        assertThat(all).anyMatch(line -> line.contains("waiting for it"));
        assertThat(all)
                .anyMatch(line ->
                        line.startsWith("unpacking linux-image-")
                                && line.endsWith("was done already"));
        assertThat(all).noneMatch(line -> line.startsWith("fetching"));

        sameAs(made, reference);
        offlineAndRemoved(made, request);
    }

    private void killWhenItReadsTheImage(KernelRequest request) throws Exception {
        Process process = start(request);
        try {
            assertThat(lines(process).anyMatch(line -> line.equals("reading the image"))).isTrue();
            assertThat(process.isAlive()).isTrue();
        } finally {
            // SIGKILL to the JVM alone: what it started must end by itself.
            process.destroyForcibly().waitFor();
        }
        Thread.sleep(500);
        assertThat(
                        ProcessHandle.allProcesses()
                                .filter(p ->
                                        p.info()
                                                .commandLine()
                                                .orElse("")
                                                .contains(cache.toString())))
                .isEmpty();
    }

    private static Stream<String> lines(Process process) {
        return new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))
                .lines()
                .peek(line -> System.err.println("  | " + line));
    }

    private static void sameAs(Kit made, Kit reference) throws IOException {
        assertThat(made.facts())
                .usingRecursiveComparison()
                .ignoringFields("created", "diskBytes")
                .isEqualTo(reference.facts());
        for (String name :
                List.of(
                        "vmlinux",
                        "vmlinuz",
                        "config",
                        "Module.symvers",
                        "modules/modules.order",
                        "tree/.config",
                        "tree/include/generated/autoconf.h",
                        "tree/include/generated/asm-offsets.h",
                        "tree/tools/objtool/objtool")) {
            assertThat(Hashes.sha256(made.folder().resolve(name)))
                    .as(name)
                    .isEqualTo(Hashes.sha256(reference.folder().resolve(name)));
        }
        assertThat(made.unitCache()).isEmptyDirectory();
        try (Stream<Path> files = Files.list(made.folder())) {
            assertThat(files.map(f -> f.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            "kit.json",
                            "tree",
                            "vmlinuz",
                            "vmlinux",
                            "modules",
                            "Module.symvers",
                            "config",
                            "units");
        }
    }

    private void offlineAndRemoved(Kit made, KernelRequest request) throws IOException {
        Path work = Files.createDirectory(cache.resolve("work"));
        Kits offline =
                new Kits(
                        cache,
                        Progress.SILENT,
                        AptConfigs.withoutLists(work),
                        HostTools.searchPath());
        assertThat(offline.add(request)).isEqualTo(made);
        assertThat(offline.add(KernelRequest.newest(made.facts().release()))).isEqualTo(made);
        assertThat(offline.list()).containsExactly(made);
        offline.remove(made);
        assertThat(offline.list()).isEmpty();
        assertThat(offline.find(request.release(), Optional.empty())).isEmpty();
        assertThat(cache.resolve("kits")).isEmptyDirectory();
        assertThat(cache.resolve("packages")).isNotEmptyDirectory();
    }
}
