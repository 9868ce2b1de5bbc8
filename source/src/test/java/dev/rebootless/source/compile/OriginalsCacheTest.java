package dev.rebootless.source.compile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Progress;
import dev.rebootless.source.patch.PatchedTree;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a compiled original depends on, and that it is compiled anew when that changes. */
class OriginalsCacheTest {
    private static final String VERSION = "fs/proc/version.c";

    private static final String EDIT =
            """
            #ifndef RBL_EDIT
            #define RBL_EDIT
            static const char rbl_edit[] __attribute__((used)) = "rbl_edit";
            #endif
            """;

    private static LinkedTree tree = new LinkedTree(Path.of("/nonexistent"));
    @TempDir static Path commands;
    @TempDir Path cache;

    @BeforeAll
    static void aTreeOfItsOwn() {
        tree = LinkedTree.make();
    }

    @AfterAll
    static void remove() throws IOException {
        tree.close();
    }

    @ParameterizedTest
    @CsvSource({
        // A header beside the unit, one that comes in through others, and an included .c file.
        "fs/proc/version.c, fs/proc/internal.h",
        "fs/proc/version.c, include/linux/spinlock.h",
        "mm/percpu.c, mm/percpu-vm.c"
    })
    void anEditedIncludedFileMakesTheCachedOriginalStale(String source, String included)
            throws IOException {
        // One compiler for all, as in a build: what it remembers of files must not hide the edit.
        UnitCompiler compiler = compiler();
        ObjectPair first = compile(compiler, source);
        assertThat(first.originalCached()).isFalse();
        assertThat(compile(compiler, source).originalCached()).isTrue();
        String before = Files.readString(tree.file(included));
        try {
            tree.replace(included, before + EDIT);
            for (UnitCompiler each : List.of(compiler, compiler())) {
                ObjectPair edited = compile(each, source);
                assertThat(edited.originalCached()).isEqualTo(each != compiler);
                assertThat(text(edited.original())).contains("rbl_edit");
                assertThat(edited.original()).isNotEqualTo(first.original());
            }
            // Nobody who still reads the first object finds another one in its place.
            assertThat(text(first.original())).doesNotContain("rbl_edit");
        } finally {
            tree.replace(included, before);
        }
        assertThat(text(compile(compiler, source).original())).doesNotContain("rbl_edit");
        assertThat(compile(compiler(), source).original()).isEqualTo(first.original());
    }

    @Test
    void anEditedFileThatTheUnitDoesNotIncludeLeavesTheCachedOriginalGood() throws IOException {
        compile(compiler(), VERSION);
        String other = "fs/xfs/xfs_inode.h";
        String before = Files.readString(tree.file(other));
        tree.replace(other, before + "\n#error\n");
        assertThat(compile(compiler(), VERSION).originalCached()).isTrue();
        tree.replace(other, before);
    }

    @Test
    void aDamagedListOfFilesLeadsToNoObject() throws IOException {
        ObjectPair first = compile(compiler(), VERSION);
        byte[] good = Files.readAllBytes(first.original());
        Path list = theOne(".files");
        String files = Files.readString(list);
        assertThat(files.lines())
                .contains(VERSION, "include/linux/kernel.h", "include/generated/autoconf.h")
                .noneMatch(f -> f.startsWith("/") || f.startsWith(".") || f.contains("gcc/"));
        for (String damaged :
                List.of(
                        "",
                        "\0",
                        VERSION + "\n",
                        files.substring(files.length() / 2),
                        "no/such/file\n" + files,
                        "x".repeat(5 << 20))) {
            Files.writeString(list, damaged);
            ObjectPair again = compile(compiler(), VERSION);
            assertThat(again.originalCached()).isFalse();
            assertThat(Files.readAllBytes(again.original())).isEqualTo(good);
            assertThat(list).content().isEqualTo(files);
        }
    }

    private Path theOne(String suffix) throws IOException {
        try (Stream<Path> files = Files.list(cache.resolve("originals"))) {
            List<Path> found = files.filter(f -> f.toString().endsWith(suffix)).toList();
            assertThat(found).hasSize(1);
            return found.getFirst();
        }
    }

    private UnitCompiler compiler() {
        return new UnitCompiler(tree.kernel(cache, List.of()), Optional.empty(), "copy");
    }

    private ObjectPair compile(UnitCompiler compiler, String source) {
        UnitCommand unit = new UnitCommands(tree.kernel(commands, List.of())).of(source);
        PatchedTree nothing = new PatchedTree(tree.tree(), new TreeMap<>(), List.of());
        return compiler.compile(nothing, List.of(unit), cache.resolve("out"), Progress.SILENT)
                .getFirst();
    }

    private static String text(Path object) throws IOException {
        return new String(Files.readAllBytes(object), StandardCharsets.ISO_8859_1);
    }
}
