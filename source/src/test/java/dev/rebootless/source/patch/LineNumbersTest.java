package dev.rebootless.source.patch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Subprocess;
import dev.rebootless.source.compile.TestTree;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What gcc's own preprocessor takes the numbers of untouched lines for, after generated edits. */
class LineNumbersTest {
    private static final Pattern MARKER = Pattern.compile("# (\\d+) \"([^\"]*)\".*");
    private static final Pattern OPTION = Pattern.compile("\\bCONFIG_[A-Z0-9_]+");

    @TempDir Path temp;

    @Test
    void untouchedFunctionsKeepTheirLineNumbers() throws IOException {
        long seed = 3_141_592;
        System.out.println("seed " + seed);
        RandomEdits edits = new RandomEdits(seed);
        int files = 0;
        int compared = 0;
        int movedWithoutMarkers = 0;
        int skipped = 0;
        for (Path file :
                RandomEdits.kernelFiles(
                        TestTree.get().tree(), 3, "kernel", "kernel/sched", "mm", "net/core")) {
            List<String> before = withoutIncludes(Files.readAllBytes(file));
            List<String> after = edits.edited(before, 1 + edits.next(8));
            String diff = RandomEdits.diff(temp, before, after, "x.c", 3);
            if (diff.isEmpty()) {
                continue;
            }
            Files.write(temp.resolve("x.c"), Lines.join(before));
            PatchedFile patched =
                    PatchedTree.apply(
                                    temp,
                                    SourcePatch.parse(
                                            List.of(
                                                    new SourcePatch.Input(
                                                            "p",
                                                            diff.getBytes(
                                                                    StandardCharsets.ISO_8859_1)))))
                            .file("x.c");
            List<String> defines = someOptions(before, edits);
            Map<Integer, String> old = numbered(Lines.join(before), defines);
            if (old.isEmpty()) {
                // It asks for a macro of a header that is not here.
                skipped++;
                continue;
            }
            Map<Integer, String> pinned = numbered(LineMarkers.pin(patched), defines);
            Map<Integer, String> plain = numbered(patched.patched(), defines);
            Set<Integer> touched = touchedBlocks(before, patched);
            for (Map.Entry<Integer, String> line : old.entrySet()) {
                if (!touched.contains(line.getKey())) {
                    assertThat(pinned.get(line.getKey()))
                            .as("%s:%d", file, line.getKey())
                            .isEqualTo(line.getValue());
                    compared++;
                    movedWithoutMarkers += line.getValue().equals(plain.get(line.getKey())) ? 0 : 1;
                }
            }
            files++;
        }
        System.out.printf(
                "%d files, %d lines compared, %d of them would have moved%n",
                files, compared, movedWithoutMarkers);
        assertThat(skipped).isLessThan(files / 10);
        assertThat(files).isGreaterThan(60);
        assertThat(movedWithoutMarkers).isGreaterThan(10_000);
    }

    @Test
    void everyKernelFileEndsOutsideAllParentheses() throws IOException {
        List<String> unbalanced = new ArrayList<>();
        List<Path> files =
                RandomEdits.kernelFiles(
                        TestTree.get().tree(),
                        1,
                        "kernel",
                        "mm",
                        "fs",
                        "net/core",
                        "net/ipv4",
                        "block",
                        "security/selinux",
                        "kernel/trace",
                        "kernel/bpf",
                        "arch/x86/kernel",
                        "drivers/net");
        for (Path file : files) {
            CLineScanner scanner = new CLineScanner();
            Lines.of(Files.readAllBytes(file)).forEach(scanner::read);
            if (!scanner.directiveMayFollow()) {
                unbalanced.add(file.toString());
            }
        }
        assertThat(files).hasSizeGreaterThan(500);
        assertThat(unbalanced).isEmpty();
    }

    /** Without headers to expand, what comes out is the file itself, and all is quick. */
    private static List<String> withoutIncludes(byte[] content) {
        return Lines.of(content).stream()
                .map(l -> l.matches("\\s*#\\s*(include|error).*\\n") ? "\n" : l)
                .collect(Collectors.toCollection(ArrayList::new));
    }

    /** Half of the options that the file asks for are on. */
    private static List<String> someOptions(List<String> lines, RandomEdits edits) {
        Set<String> options = new HashSet<>();
        for (String line : lines) {
            Matcher matcher = OPTION.matcher(line);
            while (matcher.find()) {
                options.add(matcher.group());
            }
        }
        return options.stream()
                .sorted()
                .filter(o -> edits.next(2) == 0)
                .map(o -> "-D" + o + "=1")
                .toList();
    }

    /** The lines that come out of the preprocessor, by the number it gives them. */
    private Map<Integer, String> numbered(byte[] source, List<String> defines) throws IOException {
        Files.write(temp.resolve("y.c"), source);
        List<String> command =
                new ArrayList<>(
                        List.of(
                                "gcc",
                                "-E",
                                "-w",
                                "-undef",
                                "-DIS_ENABLED(x)=x",
                                "-DIS_REACHABLE(x)=x"));
        command.addAll(defines);
        command.add("y.c");
        Subprocess.Result result = Subprocess.of(command).in(temp).run();
        if (!result.ok()) {
            return Map.of();
        }
        Map<Integer, String> numbered = new HashMap<>();
        boolean own = false;
        int number = 0;
        for (String line : result.out().split("\n", -1)) {
            Matcher marker = MARKER.matcher(line);
            if (marker.matches()) {
                number = Integer.parseInt(marker.group(1));
                own = marker.group(2).equals("y.c");
            } else if (own) {
                if (!line.isBlank() && !line.contains("rbl_")) {
                    numbered.merge(number, line, (a, b) -> a + "\n" + b);
                }
                number++;
            }
        }
        return numbered;
    }

    /**
     * The original lines of each function or other block at the top level that has an edit in it.
     */
    private static Set<Integer> touchedBlocks(List<String> before, PatchedFile patched) {
        Set<Integer> kept = new HashSet<>(patched.originalLines());
        Set<Integer> edited = new HashSet<>();
        int last = 0;
        for (int line : patched.originalLines()) {
            if (line == 0) {
                edited.add(last);
                edited.add(last + 1);
            } else {
                last = line;
            }
        }
        for (int line = 1; line <= before.size(); line++) {
            if (!kept.contains(line)) {
                edited.add(line);
            }
        }
        Set<Integer> touched = new HashSet<>();
        int start = 1;
        boolean any = false;
        for (int line = 1; line <= before.size(); line++) {
            any |= edited.contains(line);
            if (before.get(line - 1).matches("(\\}|\\)).*\\n|\\s*\\n")
                    && !insideBlock(before, line)) {
                if (any) {
                    for (int i = start; i <= line; i++) {
                        touched.add(i);
                    }
                }
                start = line + 1;
                any = false;
            }
        }
        for (int i = start; any && i <= before.size(); i++) {
            touched.add(i);
        }
        return touched;
    }

    /** Whether an empty line is followed by an indented one: it is in the middle of a block. */
    private static boolean insideBlock(List<String> before, int line) {
        return before.get(line - 1).isBlank()
                && (line >= before.size() || before.get(line).matches("[\\s#}*].*\\n"));
    }
}
