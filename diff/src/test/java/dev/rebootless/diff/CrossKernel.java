package dev.rebootless.diff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Subprocess;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * One kernel source, that of the newest 6.1 package that apt serves, configured for another
 * machine, with Debian's cross compiler for it. Source and configurations are kept in {@code
 * ~/.cache/rebootless/test-trees}; the first use unpacks the source (400 MB, half a minute) and
 * takes about a minute for each machine.
 */
enum CrossKernel {
    AARCH64("arm64", "aarch64-linux-gnu-", "defconfig"),
    PPC64LE("powerpc", "powerpc64le-linux-gnu-", "ppc64le_defconfig"),
    S390X("s390", "s390x-linux-gnu-", "defconfig");

    private static final String SOURCE_PACKAGE = "linux-source-6.1";

    /** An ordinary unit, of which kbuild is asked how such are compiled. */
    private static final String MODEL = "groups";

    /** As Rebootless compiles units; without section anchors, which blur what code means. */
    static final List<String> SECTIONS =
            List.of("-ffunction-sections", "-fdata-sections", "-fno-section-anchors");

    /** What of the source no unit outside of drivers needs. */
    private static final List<String> LEFT_OUT =
            List.of(
                    "*/drivers/*.c",
                    "*/drivers/gpu/*.h",
                    "*/drivers/net/*.h",
                    "*/sound/*.[ch]",
                    "*/Documentation/*.rst",
                    "*/Documentation/*.yaml",
                    "*/tools/testing/*",
                    "*/tools/perf/*");

    private final String kernelName;
    private final String prefix;
    private final String configuration;
    private static final Map<CrossKernel, String> COMMANDS = new ConcurrentHashMap<>();

    CrossKernel(String kernelName, String prefix, String configuration) {
        this.kernelName = kernelName;
        this.prefix = prefix;
        this.configuration = configuration;
    }

    /** Debian's program of this name for the machine. */
    String program(String name) {
        return prefix + name;
    }

    /**
     * Compiles a source as a unit of the kernel.
     *
     * @param unit the unit's path in the kernel's source, without {@code .c}
     */
    ElfObject compile(String unit, String source, List<String> options) {
        try {
            Path folder = Files.createTempDirectory("rebootless-cross-");
            try {
                Path file = folder.resolve(unit + ".c");
                Files.createDirectories(folder.resolve(unit));
                Files.writeString(file, source);
                Path object = folder.resolve("unit.o");
                String name = unit.substring(unit.lastIndexOf('/') + 1);
                Path home = source().resolve("linux").resolve(unit + "/..").normalize();
                String line =
                        command()
                                        .replace("kernel/" + MODEL, unit)
                                        .replace("\"" + MODEL + "\"", "\"" + name + "\"")
                                        .replace("kmod_" + MODEL, "kmod_" + name)
                                // Paths in the object are those of the kernel's source, and files
                                // beside the unit are found there.
                                + " -fmacro-prefix-map=%s/= -iquote %s -I %s %s -c -o %s %s"
                                        .formatted(
                                                folder,
                                                home,
                                                home,
                                                String.join(" ", options),
                                                object,
                                                file);
                run(source().resolve(kernelName), "sh", "-c", line);
                return ElfReader.read(object);
            } finally {
                AtomicFiles.removeTree(folder);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Compiles two sources of a unit side by side, and compares. */
    ChangeSet compare(String unit, String original, String patched, List<String> options) {
        CompletableFuture<ElfObject> before =
                CompletableFuture.supplyAsync(() -> compile(unit, original, options));
        ElfObject after = compile(unit, patched, options);
        return ObjectDiff.compare(before.join(), after);
    }

    /** The source of a unit of the kernel. */
    static String text(String unit) throws IOException {
        return Files.readString(source().resolve("linux").resolve(unit + ".c"));
    }

    /** The compiler and what kbuild gives it, without a unit's file names and debug data. */
    private String command() {
        return COMMANDS.computeIfAbsent(this, CrossKernel::askKbuild);
    }

    private static String askKbuild(CrossKernel kernel) {
        try {
            Path built = kernel.configured().resolve("kernel/." + MODEL + ".o.cmd");
            String line = Files.readAllLines(built).getFirst();
            line = line.substring(line.indexOf(":= ") + 3);
            assertThat(line).contains(" -c -o ").contains("kernel/" + MODEL);
            return line.substring(0, line.indexOf(" -c -o "))
                    .replaceAll("-Wp,-MMD,\\S+", "")
                    .replaceAll(" -g\\S*(?= )", "")
                    .replaceAll(" -f(no-var-tracking|emit-struct-\\S+)", "");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path cache() {
        return Optional.ofNullable(System.getenv("XDG_CACHE_HOME"))
                .filter(s -> !s.isBlank())
                .map(Path::of)
                .orElseGet(() -> Path.of(System.getProperty("user.home"), ".cache"))
                .resolve("rebootless");
    }

    private static Path trees() throws IOException {
        return Files.createDirectories(cache().resolve("test-trees"));
    }

    private static final class Source {
        static final Path FOLDER = unpack();
    }

    private static Path source() {
        return Source.FOLDER;
    }

    private static Path unpack() {
        try {
            Path archive = archive();
            String version = archive.getFileName().toString().split("_")[1];
            Path done = trees().resolve("cross-" + version);
            withLock(() -> {
                if (!Files.isDirectory(done)) {
                    Path aside = trees().resolve(".cross-" + version + ".tmp");
                    AtomicFiles.removeTree(aside);
                    Path linux = Files.createDirectories(aside.resolve("linux"));
                    run(aside, "dpkg-deb", "-x", archive.toString(), aside.toString());
                    List<String> tar =
                            new ArrayList<>(
                                    List.of(
                                            "tar",
                                            "-xf",
                                            aside + "/usr/src/" + SOURCE_PACKAGE + ".tar.xz",
                                            "--strip-components=1",
                                            "--wildcards"));
                    LEFT_OUT.forEach(p -> tar.add("--exclude=" + p));
                    run(linux, tar.toArray(String[]::new));
                    AtomicFiles.removeTree(aside.resolve("usr"));
                    Files.move(aside, done, StandardCopyOption.ATOMIC_MOVE);
                }
            });
            return done;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The newest package of the source: what apt serves, else what other tests have fetched. */
    private static Path archive() throws IOException {
        Optional<String> served =
                Subprocess.of("apt-cache", "show", "--no-all-versions", SOURCE_PACKAGE)
                        .run()
                        .out()
                        .lines()
                        .filter(l -> l.startsWith("Version: "))
                        .map(l -> SOURCE_PACKAGE + "_" + l.substring(9) + "_all.deb")
                        .findFirst();
        Path downloads = Files.createDirectories(cache().resolve("test-packages"));
        Path kept = Files.createDirectories(cache().resolve("packages"));
        List<Path> cached;
        try (Stream<Path> fetched = Files.walk(downloads, 1);
                Stream<Path> ofKits = Files.walk(kept, 2)) {
            cached =
                    Stream.concat(fetched, ofKits)
                            .filter(f ->
                                    f.getFileName().toString().startsWith(SOURCE_PACKAGE + "_"))
                            .filter(f -> f.toString().endsWith(".deb"))
                            .sorted(Comparator.comparing(f -> f.getFileName().toString()))
                            .toList();
        }
        Optional<Path> exact =
                cached.stream()
                        .filter(f -> served.equals(Optional.of(f.getFileName().toString())))
                        .findFirst();
        if (exact.isPresent()) {
            return exact.get();
        }
        if (served.isPresent()
                && Subprocess.of("apt-get", "download", "--quiet", SOURCE_PACKAGE)
                        .in(downloads)
                        .run()
                        .ok()) {
            return downloads.resolve(served.get());
        }
        assertThat(cached).as("packages of %s, where apt serves none", SOURCE_PACKAGE).isNotEmpty();
        return cached.getLast();
    }

    /** The folder in which the kernel is configured for the machine. */
    private Path configured() throws IOException {
        Path done = source().resolve(kernelName);
        Path mark = done.resolve("kernel/." + MODEL + ".o.cmd");
        withLock(() -> {
            if (Files.exists(mark)) {
                return;
            }
            AtomicFiles.removeTree(done);
            Files.createDirectories(done);
            make(configuration);
            Path linux = source().resolve("linux");
            List<String> set = new ArrayList<>(List.of("scripts/config", "--file"));
            set.add(done.resolve(".config").toString());
            for (String on : List.of("FTRACE", "FUNCTION_TRACER", "DYNAMIC_DEBUG", "LIVEPATCH")) {
                set.addAll(List.of("-e", on));
            }
            for (String off :
                    List.of(
                            "GCC_PLUGINS",
                            "DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT",
                            "DEBUG_INFO_DWARF4",
                            "DEBUG_INFO_BTF")) {
                set.addAll(List.of("-d", off));
            }
            set.addAll(List.of("-e", "DEBUG_INFO_NONE"));
            run(linux, set.toArray(String[]::new));
            make("olddefconfig");
            make("prepare");
            make("kernel/" + MODEL + ".o");
        });
        return done;
    }

    private void make(String target) {
        run(
                source().resolve("linux"),
                "make",
                "-s",
                "-j2",
                "ARCH=" + kernelName,
                "CROSS_COMPILE=" + prefix,
                "O=" + source().resolve(kernelName),
                target);
    }

    private interface Work {
        void run() throws IOException;
    }

    private static void withLock(Work work) throws IOException {
        try (FileChannel channel =
                        FileChannel.open(
                                trees().resolve("lock"),
                                StandardOpenOption.CREATE,
                                StandardOpenOption.WRITE);
                FileLock lock = channel.lock()) {
            assertThat(lock.isValid()).isTrue();
            work.run();
        }
    }

    private static void run(Path folder, String... command) {
        Subprocess.Result result =
                Subprocess.of(List.of(command)).in(folder).deadline(Duration.ofMinutes(15)).run();
        assertThat(result.ok()).as("%s: %s", List.of(command), result.all()).isTrue();
    }
}
