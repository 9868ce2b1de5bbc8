package dev.rebootless.source.compile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.source.patch.PatchedTree;
import dev.rebootless.source.patch.SourcePatch;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class UnitCompilerTest {
    private static final String MEMINFO = "fs/proc/meminfo.c";

    @TempDir static Path cache;
    @TempDir Path out;
    private static TestTree kit = new TestTree(Path.of(""), "", "");

    @BeforeAll
    static void aPreparedTree() {
        kit = TestTree.get();
    }

    @Test
    void aPatchedUnitDiffersAndItsOriginalIsCompiledOnce() throws IOException {
        PatchedTree patch =
                edited(MEMINFO, t -> t.replace("\"MemTotal:       \"", "\"MemAll:         \""));
        ObjectPair first = compile(patch, MEMINFO).getFirst();
        assertThat(first.patched()).exists().isNotEqualByComparingTo(first.original());
        assertThat(Files.readAllBytes(first.patched()))
                .isNotEqualTo(Files.readAllBytes(first.original()));
        assertThat(strings(first.original())).contains("MemTotal").doesNotContain("MemAll");
        assertThat(strings(first.patched())).contains("MemAll");
        assertThat(first.warnings()).isEmpty();
        ObjectPair second = compile(patch, MEMINFO).getFirst();
        assertThat(second.originalCached()).isTrue();
        assertThat(second.original()).isEqualTo(first.original());
        assertThat(kit.tree().resolve(MEMINFO)).content().contains("MemTotal");
    }

    @Test
    void anObjectHasSectionsForItsFunctionsAndNoDebugInformation() {
        Path object = compiler().original(commands().of(MEMINFO));
        String sections = Subprocess.of("readelf", "-SW", object.toString()).run().out();
        assertThat(sections).contains(".text.meminfo_proc_show").doesNotContain(".debug_info");
    }

    @ParameterizedTest
    @ValueSource(strings = {MEMINFO, "ipc/shm.c", "mm/mmap.c"})
    void linesAddedEverywhereBetweenFunctionsGiveTheSameObject(String source) throws IOException {
        PatchedTree patch =
                edited(
                        source,
                        t -> t.replace("\n}\n", "\n}\n/* one line */\n/* and\n another */\n"));
        assertThat(patch.file(source).patched().length)
                .isGreaterThan(patch.file(source).original().length);
        ObjectPair pair = compile(patch, source).getFirst();
        assertThat(Files.readAllBytes(pair.patched()))
                .isEqualTo(Files.readAllBytes(pair.original()));
    }

    @Test
    void aPatchToAnIncludedFileChangesTheUnitThatIncludesIt() throws IOException {
        PatchedTree patch = edited("mm/percpu-vm.c", t -> t + "\nint rbl_added = 1;\n");
        List<UnitCommand> units = commands().reachedBy("mm/percpu-vm.c");
        ObjectPair pair = compiler().compile(patch, units, out, Progress.SILENT).getFirst();
        assertThat(pair.unit().source()).isEqualTo("mm/percpu.c");
        assertThat(strings(pair.patched())).contains("rbl_added");
        assertThat(strings(pair.original())).doesNotContain("rbl_added");
    }

    @Test
    void severalUnitsComeOutInOrder() throws IOException {
        List<String> sources = List.of("fs/proc/stat.c", MEMINFO, "fs/proc/uptime.c");
        PatchedTree patch = edited(MEMINFO, t -> t + "\nint rbl_added = 1;\n");
        List<ObjectPair> pairs = compile(patch, sources.toArray(String[]::new));
        assertThat(pairs).extracting(p -> p.unit().source()).isEqualTo(sources);
        assertThat(pairs.get(1).patched()).isEqualTo(out.resolve("fs/proc/meminfo.o"));
        assertThat(Files.readAllBytes(pairs.get(0).patched()))
                .isEqualTo(Files.readAllBytes(pairs.get(0).original()));
        try (var left = Files.list(out)) {
            assertThat(left).containsExactly(out.resolve("fs"));
        }
    }

    @Test
    void twoUsersGetTheSameBytes() throws IOException {
        UnitCommand unit = commands().of(MEMINFO);
        Path other =
                new UnitCompiler(
                                new KernelTree(
                                        kit.tree(),
                                        out,
                                        kit.compiler(),
                                        List.of("CC=" + kit.compiler())),
                                Optional.empty(),
                                "other")
                        .original(unit);
        assertThat(Files.readAllBytes(other))
                .isEqualTo(Files.readAllBytes(compiler().original(unit)));
    }

    @Test
    void aDamagedCachedObjectIsCompiledAgain() throws IOException {
        UnitCommand unit = commands().of("fs/proc/version.c");
        Path object = compiler().original(unit);
        byte[] good = Files.readAllBytes(object);
        Files.write(object, new byte[] {1, 2, 3});
        assertThat(Files.readAllBytes(compiler().original(unit))).isEqualTo(good);
    }

    @Test
    void objtoolRunsOnACopy() throws IOException {
        UnitCommand unit = commands().of(MEMINFO);
        Path copy = Files.copy(compiler().original(unit), out.resolve("copy.o"));
        assertThat(compiler().objtool(copy, unit.objtool())).isEmpty();
        assertThat(Subprocess.of("readelf", "-SW", copy.toString()).run().out())
                .contains(".orc_unwind");
    }

    @Test
    void aGeneratedHeaderThatIsNotThereYetIsMade() throws IOException {
        Path header = kit.tree().resolve("lib/crc32table.h");
        Files.deleteIfExists(header);
        PatchedTree patch = edited("lib/crc32.c", t -> t + "\nint rbl_added = 1;\n");
        assertThat(compile(patch, "lib/crc32.c")).hasSize(1);
        assertThat(header).exists();
    }

    @Test
    void aReinstalledCompilerIsLookedAtAgain() throws IOException {
        String hash = compiler().compiler().hash();
        Path memo = cache.resolve("compiler-" + kit.compiler());
        assertThat(memo).content().contains(hash);
        Files.writeString(
                memo,
                Files.readString(memo)
                        .replace(hash, "0".repeat(64))
                        .replaceFirst("\t\\d+\t", "\t1\t"));
        assertThat(compiler().compiler().hash()).isEqualTo(hash);
    }

    // ---- failures ----

    @Test
    void aPatchThatDoesNotCompileIsRefusedWithTheLineOfThePatchedFile() throws IOException {
        PatchedTree patch =
                edited(
                        MEMINFO,
                        t ->
                                "\n\n\n"
                                        + t.replace(
                                                "static int meminfo_proc_show(struct seq_file *m, void *v)\n{\n",
                                                "static int meminfo_proc_show(struct seq_file *m, void *v)\n{\n\tno_such_thing = 1;\n"));
        int line =
                1
                        + new String(patch.file(MEMINFO).patched(), StandardCharsets.UTF_8)
                                .lines()
                                .toList()
                                .indexOf("\tno_such_thing = 1;");
        RebootlessException e = failure(patch, MEMINFO);
        assertThat(e.status()).isEqualTo(ExitStatus.REFUSED);
        assertThat(e.problems().getFirst().code()).isEqualTo("RBL-COMPILE");
        assertThat(e.problems().getFirst().message())
                .contains("fs/proc/meminfo.c:" + line + ":")
                .contains("no_such_thing");
    }

    @Test
    void aMissingCompilerIsNamedWithItsPackage() {
        RebootlessException e =
                catchThrowableOfType(
                        RebootlessException.class,
                        () ->
                                new UnitCompiler(
                                        new KernelTree(
                                                kit.tree(),
                                                cache,
                                                "x86_64-linux-gnu-gcc-99",
                                                List.of("CC=" + "x86_64-linux-gnu-gcc-99")),
                                        Optional.empty(),
                                        "t"));
        assertThat(e.status()).isEqualTo(ExitStatus.ENVIRONMENT);
        assertThat(e.problems().getFirst().text()).contains("RBL-COMPILER", "apt install gcc-99");
    }

    @Test
    void anotherVersionOfTheCompilerIsRefusedWithTheOneToInstall() {
        RebootlessException e =
                catchThrowableOfType(
                        RebootlessException.class,
                        () ->
                                new UnitCompiler(
                                        new KernelTree(
                                                kit.tree(),
                                                cache,
                                                kit.compiler(),
                                                List.of("CC=" + kit.compiler())),
                                        Optional.of("gcc-12 (Debian 12.1.0-1) 12.1.0"),
                                        "t"));
        assertThat(e.status()).isEqualTo(ExitStatus.ENVIRONMENT);
        assertThat(e.problems().getFirst().text())
                .contains("RBL-COMPILER", "apt install gcc-12=12.1.0-1");
    }

    @Test
    void theVersionThatTheBannerNamesIsAccepted() {
        String version = compiler().compiler().version();
        UnitCompiler same =
                new UnitCompiler(
                        new KernelTree(
                                kit.tree(), cache, kit.compiler(), List.of("CC=" + kit.compiler())),
                        Optional.of("x86_64-linux-gnu-" + version),
                        "t");
        assertThat(same.compiler().hash()).isEqualTo(compiler().compiler().hash()).hasSize(64);
    }

    // ---- hostile sources ----

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "#include \"/etc/shadow\"|/etc/shadow",
                "#include \"/etc/passwd\"|/etc/passwd",
                "#include \"/proc/self/environ\"|/proc/self/environ",
                "#include \"/proc/1/cmdline\"|/proc/1/cmdline",
                "#include \"/dev/zero\"|/dev/zero",
                "asm(\".incbin \\\"/etc/shadow\\\"\");|/etc/shadow",
                "asm(\".incbin \\\"../../../../../../etc/passwd\\\"\");|etc/passwd",
                "asm(\".incbin \\\"/proc/self/maps\\\"\");|/proc/self/maps"
            })
    void aSourceCannotReadTheHost(String line, String path) throws IOException {
        RebootlessException e =
                failure(
                        edited("fs/proc/version.c", t -> t + "\n" + line + "\n"),
                        "fs/proc/version.c");
        assertThat(e.problems().getFirst().code()).isEqualTo("RBL-COMPILE");
        assertThat(e.problems().getFirst().message())
                .contains(path)
                .matches("(?s).*(No such file or directory|file not found).*");
    }

    @Test
    void aSourceCannotReadTheUsersFiles() throws IOException {
        Path secret = Files.writeString(out.resolve("secret.h"), "int rbl_secret_42;\n");
        for (String path : List.of(secret.toString(), "../../../../../../.." + secret)) {
            RebootlessException e =
                    failure(
                            edited("fs/proc/version.c", t -> t + "\n#include \"" + path + "\"\n"),
                            "fs/proc/version.c");
            assertThat(e.problems().getFirst().message())
                    .contains("No such file")
                    .doesNotContain("rbl_secret_42");
        }
    }

    @Test
    void aSourceThatExplodesIsStoppedByTheLimits() throws IOException {
        // An array of 2 GB in the object; the file size limit is lower.
        String bomb = "char rbl_bomb[2000000000] __attribute__((section(\".rblbomb\"))) = {1};\n";
        RebootlessException e =
                failure(edited("fs/proc/version.c", t -> t + "\n" + bomb), "fs/proc/version.c");
        assertThat(e.problems().getFirst().code()).isEqualTo("RBL-COMPILE");
    }

    // ---- helpers ----

    private static UnitCommands commands() {
        return new UnitCommands(
                new KernelTree(kit.tree(), cache, kit.compiler(), List.of("CC=" + kit.compiler())));
    }

    private static UnitCompiler compiler() {
        return new UnitCompiler(
                new KernelTree(kit.tree(), cache, kit.compiler(), List.of("CC=" + kit.compiler())),
                Optional.empty(),
                kit.release());
    }

    private List<ObjectPair> compile(PatchedTree patch, String... sources) {
        List<UnitCommand> units = new ArrayList<>();
        for (String source : sources) {
            units.add(commands().of(source));
        }
        return compiler().compile(patch, units, out, Progress.SILENT);
    }

    private RebootlessException failure(PatchedTree patch, String source) {
        return catchThrowableOfType(RebootlessException.class, () -> compile(patch, source));
    }

    private static String strings(Path object) throws IOException {
        return new String(Files.readAllBytes(object), StandardCharsets.ISO_8859_1);
    }

    private PatchedTree edited(String source, java.util.function.UnaryOperator<String> edit)
            throws IOException {
        String before = Files.readString(kit.tree().resolve(source));
        String after = edit.apply(before);
        assertThat(after).isNotEqualTo(before);
        Path a = Files.writeString(out.resolve("a.tmp"), before);
        Path b = Files.writeString(out.resolve("b.tmp"), after);
        String diff =
                Subprocess.of(
                                "diff",
                                "-u",
                                "--label",
                                "a/" + source,
                                "--label",
                                "b/" + source,
                                a.toString(),
                                b.toString())
                        .run()
                        .out();
        Files.delete(a);
        Files.delete(b);
        return PatchedTree.apply(
                kit.tree(),
                SourcePatch.parse(
                        List.of(
                                new SourcePatch.Input(
                                        "p", diff.getBytes(StandardCharsets.UTF_8)))));
    }
}
