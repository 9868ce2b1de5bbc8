package dev.rebootless.source.patch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Subprocess;
import dev.rebootless.kernel.KernelConfig;
import dev.rebootless.source.compile.TestTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Holds what {@link FileKind} says by path alone against a kernel's own Makefiles and includes. */
class FileKindTest {
    /** A path in tools/, as a Makefile names it from its own folder, the tree or the objects. */
    private static final Pattern IN_TOOLS =
            Pattern.compile(
                    "(?:(?:\\.\\./)+|\\$\\((?:srctree|objtree)\\)/)(tools(?:/[A-Za-z0-9_.+-]+)+)");

    private static final Pattern ASSIGNMENT = Pattern.compile("\\s*([A-Z_]+)\\s*:?=\\s*(\\S+)\\s*");

    private static final Pattern INCLUDE =
            Pattern.compile("([^:]+):\\s*#\\s*include\\s*[\"<](?:\\.\\./)+(tools/[^\">]+)[\">].*");

    /**
     * What Makefiles name for people only: the tests of a running kernel, and what goes into an
     * archive of perf.
     */
    private static final List<String> FOR_PEOPLE = List.of("tools/testing/selftests", "tools/perf");

    @Test
    void whatMakefilesTakeFromToolsIsNeverLeftOut() throws IOException {
        Path tree = TestTree.get().tree();
        SortedSet<String> taken = new TreeSet<>();
        for (String makefile :
                grep(tree, "-rlE", "tools", "Makefile*", "Kbuild*", "*.mk").lines().toList()) {
            if (isOfTheKernel(makefile)) {
                taken.addAll(takenBy(tree.resolve(makefile)));
            }
        }
        taken.removeAll(FOR_PEOPLE);
        assertThat(taken)
                .contains(
                        "tools/lib/bpf/relo_core.c",
                        "tools/include",
                        "tools/objtool/objtool",
                        "tools/testing/nvdimm/test/iomap.c");
        assertThat(taken)
                .allSatisfy(path -> {
                    boolean folder = Files.isDirectory(tree.resolve(path));
                    assertThat(FileKind.of(folder ? path + "/x.h" : path).reachesTheKernel())
                            .as(path)
                            .isTrue();
                });
    }

    @Test
    void whatSourcesIncludeFromToolsIsNeverLeftOut() {
        String found =
                grep(
                        TestTree.get().tree(),
                        "-rE",
                        "^[[:blank:]]*#[[:blank:]]*include[[:blank:]]*[\"<](\\.\\./)+tools/",
                        "*.[chS]");
        SortedSet<String> included = new TreeSet<>();
        found.lines()
                .map(INCLUDE::matcher)
                .filter(m -> m.matches() && isOfTheKernel(m.group(1)))
                .forEach(m -> included.add(m.group(2)));
        assertThat(included)
                .contains("tools/lib/bpf/relo_core.h")
                .allSatisfy(path -> assertThat(FileKind.of(path).reachesTheKernel()).isTrue());
    }

    @Test
    void textThatMakefilesNameIsNeverTakenForProse() throws IOException {
        Path tree = TestTree.get().tree();
        Pattern text = Pattern.compile("[\\w./-]+\\.(?:txt|rst)\\b");
        SortedSet<String> named = new TreeSet<>();
        for (String makefile :
                grep(tree, "-rlE", "\\.(txt|rst)", "Makefile*", "Kbuild*", "*.mk")
                        .lines()
                        .toList()) {
            if (!isOfTheKernel(makefile)) {
                continue;
            }
            for (String line : lines(tree.resolve(makefile))) {
                Matcher matcher = text.matcher(line.replaceFirst("^\\s*#.*", ""));
                while (matcher.find()) {
                    // $(srctree)/arch/... leaves a slash in front.
                    named.add(matcher.group().replaceFirst("^/", ""));
                }
            }
        }
        assertThat(named).contains("arch/x86/lib/x86-opcode-map.txt");
        assertThat(named)
                .allSatisfy(path -> assertThat(FileKind.of(path).reachesTheKernel()).isTrue());
    }

    @Test
    void noSampleIsBuiltIntoDebiansKernels() throws IOException {
        assertThat(
                        KernelConfig.read(TestTree.get().tree().resolve(".config"))
                                .value("CONFIG_SAMPLES"))
                .isEmpty();
    }

    private static SortedSet<String> takenBy(Path makefile) throws IOException {
        Map<String, String> variables = new HashMap<>();
        SortedSet<String> taken = new TreeSet<>();
        for (String line : lines(makefile)) {
            String text = line.replaceFirst("#.*", "");
            for (Map.Entry<String, String> variable : variables.entrySet()) {
                text = text.replace("$(" + variable.getKey() + ")", variable.getValue());
            }
            Matcher assignment = ASSIGNMENT.matcher(text);
            if (assignment.matches()) {
                variables.put(assignment.group(1), assignment.group(2));
                // The folder itself is named only where it is used.
                continue;
            }
            Matcher matcher = IN_TOOLS.matcher(text);
            while (matcher.find()) {
                String path = matcher.group(1);
                taken.add(path.endsWith(".o") ? path.replaceFirst("o$", "c") : path);
            }
        }
        return taken;
    }

    private static boolean isOfTheKernel(String path) {
        return List.of("tools/", "samples/", "Documentation/").stream().noneMatch(path::startsWith)
                // Run by hand to make a header that the tree has already.
                && !path.startsWith("kernel/bpf/preload/iterators/");
    }

    private static List<String> lines(Path file) throws IOException {
        return Files.readAllLines(file, java.nio.charset.StandardCharsets.ISO_8859_1);
    }

    private static String grep(Path tree, String how, String pattern, String... files) {
        List<String> command = new ArrayList<>(List.of("grep", how));
        for (String file : files) {
            command.add("--include=" + file);
        }
        try (var top = Files.list(tree)) {
            command.addAll(List.of("-e", pattern));
            top.filter(p -> !p.getFileName().toString().startsWith("."))
                    .map(p -> p.getFileName().toString())
                    .sorted()
                    .forEach(command::add);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return Subprocess.of(command).in(tree).run().out();
    }
}
