package dev.rebootless.source.compile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GeneratedFilesTest {
    private static final List<String> UNITS =
            List.of("lib/crc32.c", "security/selinux/ss/services.c");
    private static final String CRC_TABLE = "lib/crc32table.h";
    private static final List<String> GENERATED =
            List.of(CRC_TABLE, "security/selinux/av_permissions.h", "security/selinux/flask.h");

    private static LinkedTree tree = new LinkedTree(Path.of("/nonexistent"));
    @TempDir Path cache;

    @BeforeAll
    static void aTreeOfItsOwn() {
        tree = LinkedTree.make();
    }

    @AfterAll
    static void remove() throws IOException {
        tree.close();
    }

    @BeforeEach
    void nothingIsGeneratedYet() throws IOException {
        for (String file : GENERATED) {
            Files.deleteIfExists(tree.file(file));
        }
    }

    @Test
    void twoUnitsThatMissFilesAtOnceGetThemAndTheTreeGetsNothingElse() throws Exception {
        SortedMap<String, Object> before = files();
        UnitCompiler compiler = compiler(List.of());
        List<Callable<Path>> units = new ArrayList<>();
        for (String source : UNITS) {
            UnitCommand unit = unit(source);
            units.add(() -> compiler.original(unit));
        }

        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Future<Path> object : threads.invokeAll(units)) {
                assertThat(object.get()).isNotEmptyFile();
            }
        }

        SortedMap<String, Object> after = files();
        assertThat(after).containsAllEntriesOf(before);
        after.keySet().removeAll(before.keySet());
        assertThat(after.keySet()).containsExactlyElementsOf(GENERATED);
        try (Stream<Path> left = Files.list(cache)) {
            assertThat(left).noneMatch(p -> p.getFileName().toString().startsWith(".make-"));
        }
    }

    /** Each generator writes its file piece by piece; the command here stops after the first. */
    @Test
    void aMakeThatIsKilledInTheMiddleOfAFileLeavesNoneInTheTree() throws Exception {
        UnitCommand unit = unit("lib/crc32.c");
        UnitCompiler slow = compiler(List.of("cmd_crc32=echo half > $@; sleep 600"));
        ExecutorService thread = Executors.newSingleThreadExecutor();
        try {
            Future<Path> compiling = thread.submit(() -> slow.original(unit));
            while (halfMade().isEmpty()
                    && Files.notExists(tree.file(CRC_TABLE))
                    && !compiling.isDone()) {
                Thread.sleep(20);
            }
            assertThat(tree.file(CRC_TABLE)).doesNotExist();
            assertThat(halfMade()).hasSize(1);
            thread.shutdownNow();
            assertThatThrownBy(compiling::get)
                    .cause()
                    .isInstanceOfSatisfying(
                            RebootlessException.class,
                            e -> assertThat(e.status()).isEqualTo(ExitStatus.INTERRUPTED));
        } finally {
            thread.shutdownNow();
            thread.close();
        }
        assertThat(tree.file(CRC_TABLE)).doesNotExist();
        assertThat(compiler(List.of()).original(unit)).isNotEmptyFile();
        assertThat(tree.file(CRC_TABLE)).content().contains("crc32table_le");
    }

    private List<Path> halfMade() throws IOException {
        List<Path> found = new ArrayList<>();
        try (Stream<Path> files = Files.walk(cache, 4)) {
            for (Path file : files.filter(f -> f.endsWith("crc32table.h")).toList()) {
                if (Files.readString(file).equals("half\n")) {
                    found.add(file);
                }
            }
        } catch (java.io.UncheckedIOException e) {
            // A folder that went away while it was looked through: not there yet.
        }
        return found;
    }

    private UnitCommand unit(String source) {
        return new UnitCommands(tree.kernel(cache, List.of())).of(source);
    }

    private UnitCompiler compiler(List<String> makeArguments) {
        return new UnitCompiler(tree.kernel(cache, makeArguments), Optional.empty(), "copy");
    }

    /**
     * Everything in the folders that make could have written to, with what tells whether it was
     * written to.
     */
    private static SortedMap<String, Object> files() throws IOException {
        SortedMap<String, Object> files = new TreeMap<>();
        for (String folder : List.of("lib", "security", "scripts", "include")) {
            try (Stream<Path> walk = Files.walk(tree.file(folder))) {
                for (Path file : walk.filter(Files::isRegularFile).toList()) {
                    BasicFileAttributes is = Files.readAttributes(file, BasicFileAttributes.class);
                    files.put(
                            tree.tree().relativize(file).toString(),
                            List.of(
                                    String.valueOf(is.fileKey()),
                                    is.size(),
                                    is.lastModifiedTime()));
                }
            }
        }
        return files;
    }
}
