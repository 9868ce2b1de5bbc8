package dev.rebootless.source.compile;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which {@code .c} files are included by others: some 300 of a kernel tree, such as those of {@code
 * kernel/sched}. The whole tree is searched once, with grep (2 to 6 s), since an include may come
 * from anywhere ({@code arch/x86/boot/compressed} includes files of {@code lib}); the answer is
 * kept in the unit cache.
 */
final class IncludedSources {
    private static final Pattern INCLUDE =
            Pattern.compile("(?:\\./)?([^:]+):\\s*#\\s*include\\s*[\"<]([^\">]+\\.c)[\">].*");

    /** A tree has about 480 such lines. */
    private static final int MAX_INCLUDES = 100_000;

    private final Path tree;
    private final Path file;
    private volatile Map<String, List<String>> includers = Map.of();

    IncludedSources(Path tree, Path unitCache) {
        this.tree = tree;
        this.file = unitCache.resolve("included-sources-1");
    }

    /** The files that include a file, directly or through others; sorted. */
    SortedSet<String> includersOf(String source) {
        if (includers.isEmpty()) {
            includers = read();
        }
        SortedSet<String> found = new TreeSet<>();
        Deque<String> open = new ArrayDeque<>(List.of(source));
        while (!open.isEmpty()) {
            for (String includer : includers.getOrDefault(open.pop(), List.of())) {
                if (!includer.equals(source) && found.add(includer)) {
                    open.push(includer);
                }
            }
        }
        return found;
    }

    private Map<String, List<String>> read() {
        try {
            if (!Files.isRegularFile(file)) {
                Files.createDirectories(file.toAbsolutePath().getParent());
                AtomicFiles.write(file, search());
            }
            Map<String, List<String>> map = new HashMap<>();
            for (String line : Files.readAllLines(file)) {
                String[] parts = line.split("\t", -1);
                if (parts.length == 2) {
                    map.computeIfAbsent(parts[0], k -> new ArrayList<>()).add(parts[1]);
                }
            }
            return map;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Lines of included file, tab, including file. */
    private String search() {
        List<String> grep =
                new ArrayList<>(List.of("grep", "-rsE", "--include=*.[chS]", "--exclude-dir=.git"));
        for (String folder : Set.of("Documentation", "tools", "scripts", "samples")) {
            grep.add("--exclude-dir=" + folder);
        }
        grep.add("^[[:blank:]]*#[[:blank:]]*include[[:blank:]]*[\"<][^\">]+\\.c[\">]");
        grep.add(".");
        Subprocess.Result result = Subprocess.of(grep).in(tree).run();
        // grep exits with 1 when nothing matches.
        if (result.status() > 1 || result.out().isBlank()) {
            throw RebootlessException.environment(
                    "RBL-KIT-TREE",
                    tree.toString(),
                    "the tree cannot be searched: " + result.err().strip(),
                    "prepare the kit again: rebootless kit remove, then kit add");
        }
        SortedSet<String> pairs = new TreeSet<>();
        result.out()
                .lines()
                .limit(MAX_INCLUDES)
                .map(INCLUDE::matcher)
                .filter(Matcher::matches)
                .forEach(m ->
                        resolved(m.group(1), m.group(2))
                                .forEach(to -> pairs.add(to + "\t" + m.group(1))));
        return String.join("\n", pairs) + "\n";
    }

    /** As the preprocessor finds it: beside the including file, or from the tree's top. */
    private List<String> resolved(String includer, String name) {
        Path beside = Path.of(includer).resolveSibling(name).normalize();
        List<String> found = new ArrayList<>();
        for (Path path : List.of(beside, Path.of(name).normalize())) {
            if (!path.startsWith("..") && Files.isRegularFile(tree.resolve(path))) {
                found.add(path.toString());
            }
        }
        return found;
    }
}
