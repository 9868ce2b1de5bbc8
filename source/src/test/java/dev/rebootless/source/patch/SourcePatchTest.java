package dev.rebootless.source.patch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SourcePatchTest {
    private static final String NUMBERED =
            IntStream.rangeClosed(1, 30)
                    .mapToObj(i -> "line " + i + "\n")
                    .collect(Collectors.joining());

    private static final String CHANGE_TEN =
            """
            @@ -8,5 +8,5 @@ section
             line 8
             line 9
            -line 10
            +line ten
             line 11
             line 12
            """;

    @TempDir Path tree;

    @BeforeEach
    void aTreeWithOneFile() throws IOException {
        write("fs/proc/a.c", NUMBERED);
    }

    // ---- forms that are read ----

    @Test
    void aGitPatchWithMailTextAndSignatureApplies() {
        String mail =
                """
                From 0123456789abcdef Mon Sep 17 00:00:00 2001
                From: A Person <a@example.org>
                Subject: [PATCH] fs: say ten

                --- this line is no diff
                +++ and neither is this one
                ---
                 fs/proc/a.c | 2 +-
                 1 file changed, 1 insertion(+), 1 deletion(-)

                diff --git a/fs/proc/a.c b/fs/proc/a.c
                index 1234567..89abcde 100644
                --- a/fs/proc/a.c
                +++ b/fs/proc/a.c
                """
                        + CHANGE_TEN
                        + "-- \n2.39.2\n\n";
        assertThat(patched(mail)).isEqualTo(NUMBERED.replace("line 10\n", "line ten\n"));
    }

    @ParameterizedTest
    @CsvSource({
        "a/fs/proc/a.c, b/fs/proc/a.c",
        "linux-6.1/fs/proc/a.c, linux-6.1.new/fs/proc/a.c",
        "fs/proc/a.c, fs/proc/a.c",
        "a/fs/proc/a.c.orig, b/fs/proc/a.c",
        "i/fs/proc/a.c, w/fs/proc/a.c"
    })
    void aPlainDiffWithTimeStampsAppliesUnderAnyUsualPrefix(String before, String after) {
        String diff =
                "--- %s\t2026-11-20 10:00:00.000000000 +0000\n+++ %s\t2026-11-22 10:00:00 +0000\n"
                                .formatted(before, after)
                        + CHANGE_TEN;
        assertThat(patched(diff)).contains("line ten\n");
    }

    @Test
    void aPatchWhoseLineEndsAMailerChangedAppliesWithANote() {
        SourcePatch patch = parse(onA(CHANGE_TEN).replace("\n", "\r\n"));
        PatchedTree result = PatchedTree.apply(tree, patch);
        assertThat(text(result)).isEqualTo(NUMBERED.replace("line 10\n", "line ten\n"));
        assertThat(result.notes()).anyMatch(n -> n.contains("CR LF"));
    }

    @Test
    void aFileWithCarriageReturnsKeepsThem() throws IOException {
        write("fs/proc/a.c", NUMBERED.replace("\n", "\r\n"));
        String hunk = CHANGE_TEN.lines().skip(1).collect(Collectors.joining("\r\n", "", "\r\n"));
        String diff = onA("@@ -8,5 +8,5 @@\n" + hunk);
        assertThat(patched(diff)).contains("line 9\r\nline ten\r\nline 11\r\n");
    }

    @Test
    void emptyContextLinesThatLostTheirBlankAreRead() throws IOException {
        write("fs/proc/a.c", "one\n\nthree\n");
        assertThat(patched(onA("@@ -1,3 +1,3 @@\n one\n\n-three\n+drei\n")))
                .isEqualTo("one\n\ndrei\n");
    }

    @Test
    void aMissingLineEndAtTheEndOfTheFileIsMatchedAndMade() throws IOException {
        write("fs/proc/a.c", "one\ntwo");
        String add = "@@ -1,2 +1,2 @@\n one\n-two\n\\ No newline at end of file\n+two\n";
        assertThat(patched(onA(add))).isEqualTo("one\ntwo\n");
        write("fs/proc/a.c", "one\ntwo\n");
        String drop = "@@ -1,2 +1,2 @@\n one\n-two\n+two\n\\ No newline at end of file\n";
        assertThat(patched(onA(drop))).isEqualTo("one\ntwo");
        assertRefused(onA(add), "RBL-ALREADY-APPLIED", "at line 1");
        write("fs/proc/a.c", "eins\none\ntwo\n");
        assertRefused(onA(add), "RBL-HUNK-MISMATCH", "the patch expects \"one\"");
    }

    @Test
    void bytesOfAnyEncodingComeThroughUnchanged() throws IOException {
        byte[] all = new byte[256];
        for (int i = 0; i < all.length; i++) {
            all[i] = (byte) (i == '\n' || i == 0 ? ' ' : i);
        }
        byte[] content =
                (new String(all, StandardCharsets.ISO_8859_1) + "\nx\n")
                        .getBytes(StandardCharsets.ISO_8859_1);
        Files.write(tree.resolve("fs/proc/a.c"), content);
        String diff = onA("@@ -2 +2 @@\n-x\n+\u00ff\n");
        SourcePatch patch =
                SourcePatch.parse(
                        List.of(
                                new SourcePatch.Input(
                                        "p", diff.getBytes(StandardCharsets.ISO_8859_1))));
        byte[] result = PatchedTree.apply(tree, patch).file("fs/proc/a.c").patched();
        byte[] expected = content.clone();
        expected[257] = (byte) 0xff;
        assertThat(result).isEqualTo(expected);
    }

    @Test
    void severalPatchesAndSectionsOfOneFileApplyInOrder() {
        String first = onA(CHANGE_TEN);
        String second =
                onA(CHANGE_TEN.replace("-line 10", "-line ten").replace("+line ten", "+line X"));
        SourcePatch patch =
                SourcePatch.parse(List.of(input("1.patch", first), input("2.patch", second)));
        assertThat(text(PatchedTree.apply(tree, patch))).contains("line 9\nline X\nline 11");
        assertThat(text(PatchedTree.apply(tree, parse(first + second)))).contains("line X");
    }

    @Test
    void originalLinesAreTracedThroughSeveralPatches() {
        String insert = onA("@@ -1,2 +1,4 @@\n line 1\n+new a\n+new b\n line 2\n");
        String remove = onA("@@ -6,3 +6,2 @@\n line 4\n-line 5\n line 6\n");
        PatchedFile file = PatchedTree.apply(tree, parse(insert + remove)).file("fs/proc/a.c");
        assertThat(file.originalLines().subList(0, 8)).containsExactly(1, 0, 0, 2, 3, 4, 6, 7);
        assertThat(file.originalLine(2)).isEmpty();
        assertThat(file.originalLine(7)).hasValue(6);
    }

    @Test
    void theTreeItselfIsNotChanged() throws IOException {
        patched(onA(CHANGE_TEN));
        assertThat(tree.resolve("fs/proc/a.c")).hasContent(NUMBERED);
    }

    @Test
    void thePatchKnowsTheHashOfTheBytesThatWereReadAndNotOfTheFileAsItIsNow() throws Exception {
        String first = onA(CHANGE_TEN);
        String second = onA(CHANGE_TWENTY);
        Path edited = Files.writeString(tree.resolve("edited.patch"), first);
        // A process substitution of the shell is a pipe: it can be read once.
        Path pipe = tree.resolve("pipe.patch");
        assertThat(Subprocess.of("mkfifo", pipe.toString()).run().ok()).isTrue();
        Thread writer =
                Thread.ofVirtual()
                        .start(() -> {
                            try {
                                Files.writeString(pipe, second);
                            } catch (IOException e) {
                                throw new java.io.UncheckedIOException(e);
                            }
                        });
        SourcePatch patch = SourcePatch.read(List.of(edited, pipe));
        writer.join();
        Files.writeString(edited, "");
        assertThat(patch.origins())
                .containsExactly(
                        new SourcePatch.Origin(
                                "edited.patch",
                                Hashes.sha256(first.getBytes(StandardCharsets.UTF_8))),
                        new SourcePatch.Origin(
                                "pipe.patch",
                                Hashes.sha256(second.getBytes(StandardCharsets.UTF_8))));
    }

    // ---- offsets ----

    @Test
    void aHunkThatFitsAtOneOtherPlaceGoesThereWithANote() throws IOException {
        write("fs/proc/a.c", "new\nnew\n" + NUMBERED);
        PatchedTree result = PatchedTree.apply(tree, parse(onA(CHANGE_TEN)));
        assertThat(text(result)).contains("line 9\nline ten\nline 11\n");
        assertThat(result.notes())
                .containsExactly(
                        "p.patch:3: hunk 1 of 1 of fs/proc/a.c applied at line 10, 2 lines below"
                                + " where it says");
        assertThat(result.file("fs/proc/a.c").hunks().getFirst().offset()).isEqualTo(2);
    }

    @Test
    void aHunkThatFitsAtTwoOtherPlacesIsRefusedAndNamesThem() throws IOException {
        write("fs/proc/a.c", "new\n" + NUMBERED + NUMBERED);
        assertRefused(onA(CHANGE_TEN), "RBL-HUNK-MISMATCH", "fits at 2 places (lines 9, 39)");
    }

    @Test
    void aHunkAfterOneThatMovedMustFitAtOnePlaceOnly() throws IOException {
        write("fs/proc/a.c", "new\n" + NUMBERED + "line 20\n");
        String diff = CHANGE_TEN + "@@ -20 +20 @@\n-line 20\n+line zwanzig\n";
        assertRefused(onA(diff), "RBL-HUNK-MISMATCH", "fits at 2 places");
    }

    @Test
    void aHunkThatDoesNotApplyIsRefusedAndNamesTheLine() throws IOException {
        write("fs/proc/a.c", NUMBERED.replace("line 11\n", "line eleven\n"));
        assertRefused(
                onA(CHANGE_TEN),
                "RBL-HUNK-MISMATCH",
                "hunk 1 of 1 of fs/proc/a.c does not apply: fs/proc/a.c:11: the patch expects"
                        + " \"line 11\", and \"line eleven\" stands there");
    }

    @Test
    void aHunkBeyondTheEndOfTheFileIsRefused() throws IOException {
        write("fs/proc/a.c", "line 8\n");
        assertRefused(onA(CHANGE_TEN), "RBL-HUNK-MISMATCH", "the file ends before it");
    }

    @Test
    void aPatchThatIsInTheTreeAlreadyIsRefusedAsSuch() throws IOException {
        write("fs/proc/a.c", NUMBERED.replace("line 10\n", "line ten\n"));
        assertRefused(onA(CHANGE_TEN), "RBL-ALREADY-APPLIED", "in the tree already, at line 8");
    }

    @Test
    void aHunkWithoutAnyLineOfTheFileIsRefused() {
        assertRefused(onA("@@ -3,0 +4 @@\n+new\n"), "RBL-HUNK-NO-CONTEXT", "line 4");
    }

    // ---- what is no patch, or a broken one ----

    @ParameterizedTest
    @ValueSource(
            strings = {"", "hello\n", "*** a/x\n--- b/x\n***************\n", "--- a/x\n+++ b/x\n"})
    void whatHoldsNoDiffIsAUsageError(String text) {
        assertUsage(text, "RBL-PATCH-EMPTY");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "@@ -8,5 +8,6 @@\n line 8\n line 9\n-line 10\n+line ten\n line 11\n line 12\n",
                "@@ -8,5 +8,4 @@\n line 8\n line 9\n-line 10\n+line ten\n line 11\n line 12\n",
                "@@ -8,2 +8,2 @@\n line 8\n-line 9\n+line IX\n+more\n",
                "@@ -8,5 +8,5\n line 8\n",
                "@@ -8,2 +8,2 @@\n line 8\nline 9\n",
                "@@ -8,2 +8,2 @@\n line 8\n line 9\n",
                "@@ -0,1 +1,1 @@\n-a\n+b\n",
                "@@ -99999999,1 +1,1 @@\n-a\n+b\n",
                "@@ -8 +8 @@\n-line 8\n+line VIII\n@@ -7 +7 @@\n-line 7\n+line VII\n",
                "@@ -8 +8 @@\n-line 8\n+li",
                "@@ -8,2 +8,2 @@\n-line 8\n\\ No newline at end of file\n-line 9\n+a\n+b\n",
            })
    void aBrokenHunkIsAUsageErrorAndNamesTheLine(String hunk) {
        Problem problem = assertUsage(onA(hunk), "RBL-PATCH-MALFORMED");
        assertThat(problem.place()).matches("p\\.patch:\\d+");
    }

    private static final String CHANGE_TWENTY =
            "@@ -19,3 +19,3 @@ section\n line 19\n-line 20\n+line twenty\n line 21\n";

    /** Each of these was read as a whole patch, and only its first change was built. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                // A blank line, or a mailer's or a person's text, between two hunks.
                CHANGE_TEN + "\n" + CHANGE_TWENTY,
                CHANGE_TEN + "and then\n" + CHANGE_TWENTY,
                CHANGE_TEN + "-- \n2.39.2\n" + CHANGE_TWENTY,
                // The first header counts one line of context too few.
                "@@ -8,4 +8,4 @@\n line 8\n line 9\n-line 10\n+line ten\n line 11\n line 12\n"
                        + CHANGE_TWENTY,
                "@@ -9,3 +9,3 @@\n line 9\n-line 10\n+line ten\n line 11\n line 12\n+new\n",
                "@@ -9,3 +9,3 @@\n line 9\n-line 10\n+line ten\n line 11\n\n+new\n",
                // A header that cannot be read, after such a line.
                CHANGE_TEN + "\n" + "@@ -19,3 +19,3\n line 19\n-line 20\n+line twenty\n",
                // Of a merge.
                CHANGE_TEN + "@@@ -19 -19 +19 @@@\n--line 20\n++line twenty\n"
            })
    void aHunkThatWouldBeSkippedAsTextIsRefusedAndNamesTheLine(String hunks) {
        Problem problem = assertUsage(onA(hunks), "RBL-PATCH-MALFORMED");
        assertThat(problem.place()).matches("p\\.patch:\\d+");
        assertThat(problem.remedy()).contains("make the patch again");
    }

    @Test
    void aSecondPatchAfterBlankLinesAndASignatureIsReadAsWell() {
        String second = onA(CHANGE_TWENTY);
        for (String between :
                List.of("", "\n", "\n\n", "-- \n2.39.2\n\n", "--\n2.39.2\n", "\nFrom abc Mon\n")) {
            assertThat(patched(onA(CHANGE_TEN) + between + second))
                    .contains("line ten\n", "line twenty\n");
        }
    }

    @Test
    void compressedOrWidePatchesAreUnreadable() {
        RebootlessException e =
                catchThrowableOfType(
                        RebootlessException.class,
                        () ->
                                SourcePatch.parse(
                                        List.of(
                                                new SourcePatch.Input(
                                                        "p.gz",
                                                        onA(CHANGE_TEN)
                                                                .getBytes(
                                                                        StandardCharsets
                                                                                .UTF_16LE)))));
        assertThat(e.status()).isEqualTo(ExitStatus.USAGE);
        assertThat(e.problems().getFirst().code()).isEqualTo("RBL-PATCH-UNREADABLE");
    }

    @Test
    void aPatchFileThatIsNotThereIsAUsageError() {
        assertThatThrownBy(() -> SourcePatch.read(List.of(tree.resolve("no.patch"))))
                .isInstanceOf(RebootlessException.class)
                .hasMessageContaining("RBL-PATCH-UNREADABLE");
    }

    @Test
    void aLineOrAPatchBeyondTheLimitsIsRefused() {
        assertUsage(
                onA("@@ -1 +1 @@\n-line 1\n+" + "x".repeat(1 << 17) + "\n") + "x",
                "RBL-PATCH-SIZE");
        assertUsage("x".repeat((16 << 20) + 1), "RBL-PATCH-SIZE");
        assertUsage(
                onA(String.join("", Collections.nCopies(1, "@@ -1 +1 @@\n-a\n+b\n"))).repeat(5_001),
                "RBL-PATCH-SIZE");
    }

    // ---- paths ----

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../../etc/passwd",
                "fs/../../etc/passwd",
                "/etc/passwd",
                "fs//a.c",
                "./fs/a.c",
                "fs/proc/",
                "fs/a b.c",
                "fs/a\\b.c",
                "fs/\u0007.c"
            })
    void aPathThatLeavesTheTreeOrIsOddIsRefused(String path) {
        String diff = "--- a/%s\n+++ b/%s\n".formatted(path, path) + CHANGE_TEN;
        RebootlessException e = catchThrowableOfType(RebootlessException.class, () -> parse(diff));
        assertThat(e.status()).isEqualTo(ExitStatus.REFUSED);
        assertThat(e.problems().getFirst().code()).isEqualTo("RBL-PATCH-PATH");
    }

    @Test
    void aFileThatTheTreeDoesNotHaveIsRefused() {
        assertRefused(
                onA(CHANGE_TEN).replace("fs/proc/a.c", "fs/proc/b.c"),
                "RBL-NO-SUCH-FILE",
                "no file fs/proc/b.c");
    }

    @Test
    void aFileBehindASymbolicLinkIsRefused() throws IOException {
        Files.createSymbolicLink(tree.resolve("fs/link"), tree.resolve("fs/proc"));
        assertRefused(
                onA(CHANGE_TEN).replace("fs/proc/a.c", "fs/link/a.c"), "RBL-FILE-LINK", "fs/link");
    }

    // ---- what a livepatch cannot carry ----

    @ParameterizedTest
    @CsvSource({
        "rename from fs/proc/a.c|rename to fs/proc/b.c, RBL-FILE-RENAMED",
        "copy from fs/proc/a.c|copy to fs/proc/b.c, RBL-FILE-COPIED",
        "old mode 100644|new mode 100755, RBL-FILE-MODE",
        "new file mode 100644|index 000..123, RBL-FILE-CREATED",
        "deleted file mode 100644|index 123..000, RBL-FILE-DELETED",
        "new file mode 120000|index 000..123, RBL-FILE-LINK",
        "index 123..456 120000, RBL-FILE-LINK",
        "index 123..456 100644|GIT binary patch|literal 3, RBL-FILE-BINARY",
        "Binary files a/fs/proc/a.c and b/fs/proc/a.c differ, RBL-FILE-BINARY"
    })
    void aChangeThatIsNoEditOfAFileIsRefused(String headers, String code) {
        String diff =
                "diff --git a/fs/proc/a.c b/fs/proc/a.c\n" + headers.replace('|', '\n') + "\n";
        if (code.equals("RBL-FILE-LINK") && headers.startsWith("index")) {
            diff += "--- a/fs/proc/a.c\n+++ b/fs/proc/a.c\n" + CHANGE_TEN;
        }
        SourcePatch patch = parse(diff);
        assertThat(PatchRules.refusals(patch)).extracting(Problem::code).containsExactly(code);
        assertRefused(diff, code, "fs/proc/");
    }

    @Test
    void newAndDeletedFilesOfAPlainDiffAreRefused() {
        String created = "--- /dev/null\n+++ b/fs/proc/new.c\n@@ -0,0 +1 @@\n+int x;\n";
        assertRefused(created, "RBL-FILE-CREATED", "fs/proc/new.c");
        assertRefused(
                created.replace("/dev/null", "a/fs/proc/new.c\t1970-01-01 00:00:00"),
                "RBL-FILE-CREATED",
                "fs/proc/new.c");
        String deleted = "--- a/fs/proc/a.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-int x;\n";
        assertRefused(deleted, "RBL-FILE-DELETED", "fs/proc/a.c");
        String moved = onA(CHANGE_TEN).replace("+++ b/fs/proc/a.c", "+++ b/fs/proc/c.c");
        assertRefused(moved, "RBL-FILE-RENAMED", "fs/proc/c.c");
    }

    @ParameterizedTest
    @CsvSource({
        "arch/x86/entry/entry_64.S, ASSEMBLER, RBL-ASSEMBLER",
        "fs/proc/Makefile, BUILD_SYSTEM, RBL-BUILD-SYSTEM",
        "Kbuild, BUILD_SYSTEM, RBL-BUILD-SYSTEM",
        "fs/Kconfig, BUILD_SYSTEM, RBL-BUILD-SYSTEM",
        ".config, BUILD_SYSTEM, RBL-BUILD-SYSTEM",
        "scripts/Makefile.build, BUILD_SYSTEM, RBL-BUILD-SYSTEM",
        "scripts/mod/modpost.c, BUILD_SYSTEM, RBL-BUILD-SYSTEM",
        "arch/x86/kernel/vmlinux.lds.S, BUILD_SYSTEM, RBL-BUILD-SYSTEM",
        "arch/x86/configs/x86_64_defconfig, BUILD_SYSTEM, RBL-BUILD-SYSTEM",
        "tools/objtool/check.c, BUILD_SYSTEM, RBL-BUILD-SYSTEM",
        "arch/x86/entry/syscalls/syscall_64.tbl, OTHER, RBL-FILE-KIND",
        "fs/proc/a.c, C_SOURCE, ''",
        "Documentation/admin-guide/x.rst, DOCUMENTATION, ''",
        "MAINTAINERS, DOCUMENTATION, ''",
        "tools/testing/selftests/net/x.c, TOOLING, ''",
        "samples/bpf/x.c, TOOLING, ''",
        "tools/perf/builtin-top.c, TOOLING, ''",
        "tools/bpf/bpftool/prog.c, TOOLING, ''",
        "usr/include/Makefile, TOOLING, ''",
        "usr/gen_init_cpio.c, BUILD_SYSTEM, RBL-BUILD-SYSTEM",
        "usr/default_cpio_list, BUILD_SYSTEM, RBL-BUILD-SYSTEM",
        "tools/bpf/resolve_btfids/main.c, BUILD_SYSTEM, RBL-BUILD-SYSTEM",
        "arch/x86/tools/relocs.c, BUILD_SYSTEM, RBL-BUILD-SYSTEM",
        "arch/x86/tools/gen-insn-attr-x86.awk, BUILD_SYSTEM, RBL-BUILD-SYSTEM",
        "tools/lib/bpf/relo_core.c, SHARED_WITH_TOOLS, RBL-TOOLS-SHARED",
        "tools/lib/bpf/relo_core.h, SHARED_WITH_TOOLS, RBL-TOOLS-SHARED",
        "tools/include/tools/le_byteshift.h, SHARED_WITH_TOOLS, RBL-TOOLS-SHARED",
        "tools/arch/x86/lib/insn.c, SHARED_WITH_TOOLS, RBL-TOOLS-SHARED",
        "tools/no-such-folder/x.c, SHARED_WITH_TOOLS, RBL-TOOLS-SHARED",
        "tools/testing/selftests/kselftest_module.h, SHARED_WITH_TOOLS, RBL-TOOLS-SHARED",
        "arch/x86/lib/x86-opcode-map.txt, OTHER, RBL-FILE-KIND",
        "drivers/gpu/drm/i915/TODO.txt, OTHER, RBL-FILE-KIND",
        "drivers/staging/iio/Documentation/inkernel.txt, DOCUMENTATION, ''",
        "fs/reiserfs/README, DOCUMENTATION, ''"
    })
    void aFileIsToldByItsPathAndServedOrRefused(String path, FileKind kind, String code) {
        SourcePatch patch = parse("--- a/%s\n+++ b/%s\n".formatted(path, path) + CHANGE_TEN);
        assertThat(patch.files().getFirst().kind()).isEqualTo(kind);
        assertThat(PatchRules.refusals(patch))
                .extracting(Problem::code)
                .containsExactlyElementsOf(code.isEmpty() ? List.of() : List.of(code));
    }

    @Test
    void textAndToolsAreLeftOutEvenWhenTheyDoNotApply() {
        String diff =
                onA(CHANGE_TEN)
                        + "--- /dev/null\n+++ b/tools/testing/x.c\n@@ -0,0 +1 @@\n+int x;\n"
                        + "--- a/MAINTAINERS\n+++ b/MAINTAINERS\n@@ -1 +1 @@\n-a\n+b\n";
        SourcePatch patch = parse(diff);
        PatchRules.require(patch);
        assertThat(patch.pathsThatReachTheKernel()).containsExactly("fs/proc/a.c");
        PatchedTree result = PatchedTree.apply(tree, patch);
        assertThat(result.files().keySet()).containsExactly("fs/proc/a.c");
        assertThat(result.notes()).hasSize(2).allMatch(n -> n.endsWith("left out"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "EXPORT_SYMBOL(foo);|RBL-EXPORT",
                "EXPORT_SYMBOL_GPL(foo);|RBL-EXPORT",
                "EXPORT_SYMBOL_NS_GPL(foo, NS);|RBL-EXPORT",
                "module_param(foo, int, 0644);|RBL-MODULE-PARAM",
                "module_param_named(foo, bar, int, 0644);|RBL-MODULE-PARAM",
                "late_initcall(foo);|RBL-INITCALL",
                "subsys_initcall_sync(foo);|RBL-INITCALL",
                "module_init(foo);|RBL-INITCALL",
                "__setup(\"foo=\", foo);|RBL-INITCALL"
            })
    void aStatementThatTakesEffectOnlyAtBootIsRefusedAndNamesTheLine(String line, String code) {
        String added = onA("@@ -8,2 +8,3 @@\n line 8\n+" + line + "\n line 9\n");
        assertThat(PatchRules.refusals(parse(added)))
                .singleElement()
                .satisfies(p -> {
                    assertThat(p.code()).isEqualTo(code);
                    assertThat(p.place()).isEqualTo("fs/proc/a.c:9");
                    assertThat(p.message()).contains("adds");
                });
        String removed = onA("@@ -8,3 +8,2 @@\n line 8\n line 9\n-" + line + "\n");
        assertThat(PatchRules.refusals(parse(removed)))
                .singleElement()
                .satisfies(p -> {
                    assertThat(p.code()).isEqualTo(code);
                    assertThat(p.place()).isEqualTo("fs/proc/a.c:10");
                    assertThat(p.message()).contains("removes");
                });
    }

    @Test
    void anExportThatOnlyMovesOrIsOnlySpokenOfIsServed() {
        String moved = "@@ -8,2 +8,2 @@\n-EXPORT_SYMBOL(foo);\n line 9\n+EXPORT_SYMBOL(foo);\n";
        String comment = "@@ -20 +20,2 @@\n line 20\n+ * see EXPORT_SYMBOL(foo)\n";
        assertThat(PatchRules.refusals(parse(onA(moved + comment)))).isEmpty();
    }

    @Test
    void allReasonsAreReportedAtOnce() {
        String diff =
                onA("@@ -8,2 +8,2 @@\n line 8\n-line x\n+y\n@@ -20 +20 @@\n-line y\n+z\n")
                        + onA(CHANGE_TEN).replace("fs/proc/a.c", "fs/proc/b.c");
        RebootlessException e =
                catchThrowableOfType(
                        RebootlessException.class, () -> PatchedTree.apply(tree, parse(diff)));
        assertThat(e.problems())
                .extracting(Problem::code)
                .containsExactly("RBL-HUNK-MISMATCH", "RBL-HUNK-MISMATCH", "RBL-NO-SUCH-FILE");
    }

    // ---- helpers ----

    private static String onA(String hunks) {
        return "--- a/fs/proc/a.c\n+++ b/fs/proc/a.c\n" + hunks;
    }

    private static SourcePatch.Input input(String name, String text) {
        return new SourcePatch.Input(name, text.getBytes(StandardCharsets.UTF_8));
    }

    private static SourcePatch parse(String text) {
        return SourcePatch.parse(List.of(input("p.patch", text)));
    }

    private String patched(String diff) {
        return text(PatchedTree.apply(tree, parse(diff)));
    }

    private static String text(PatchedTree result) {
        return new String(result.file("fs/proc/a.c").patched(), StandardCharsets.ISO_8859_1);
    }

    private void assertRefused(String diff, String code, String message) {
        RebootlessException e =
                catchThrowableOfType(
                        RebootlessException.class, () -> PatchedTree.apply(tree, parse(diff)));
        assertThat(e.status()).isEqualTo(ExitStatus.REFUSED);
        assertThat(e.problems().getFirst().code()).isEqualTo(code);
        assertThat(e.problems().getFirst().message()).contains(message);
    }

    private static Problem assertUsage(String text, String code) {
        RebootlessException e = catchThrowableOfType(RebootlessException.class, () -> parse(text));
        assertThat(e.status()).isEqualTo(ExitStatus.USAGE);
        assertThat(e.problems().getFirst().code()).isEqualTo(code);
        return e.problems().getFirst();
    }

    private void write(String path, String text) throws IOException {
        Path file = tree.resolve(path);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text, StandardCharsets.ISO_8859_1);
    }
}
