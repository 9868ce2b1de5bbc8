package dev.rebootless.source.history;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Lazy;
import dev.rebootless.base.Progress;
import dev.rebootless.source.patch.FileKind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/**
 * Where functions are defined in a kernel's tree, whatever the configuration builds of it: read
 * once (5 to 10 s) and kept.
 */
public final class SourceIndex {
    /** Raised whenever what is kept, or how it is found, changes. */
    private static final String FORMAT = "functions-2";

    /** The largest C file of a kernel has about 1 MB. */
    private static final long MAX_FILE_BYTES = 8L << 20;

    /** So many names are looked for in the text, in some 5 ms each; then the map pays. */
    private static final int BEFORE_MAP = 64;

    /** A line for each file: its path and the names, each after a tab; 12 MB. */
    private final String text;

    /**
     * Several files have tabs between them: most names are defined in one, and there are 500,000.
     */
    private final Lazy<Map<String, String>> filesByFunction = new Lazy<>(this::byFunction);

    private final SortedSet<String> files;
    private final AtomicInteger asked = new AtomicInteger();

    private SourceIndex(String text) {
        this.text = text;
        NavigableSet<String> all = new TreeSet<>();
        int start = 0;
        while (start < text.length()) {
            int end = endOfLine(start);
            int tab = text.indexOf('\t', start);
            all.add(text.substring(start, tab < 0 || tab > end ? end : tab));
            start = end + 1;
        }
        this.files = Collections.unmodifiableSortedSet(all);
    }

    private int endOfLine(int at) {
        int end = text.indexOf('\n', at);
        return end < 0 ? text.length() : end;
    }

    /**
     * The index of a tree.
     *
     * @param cache a folder of the same tree's
     */
    public static SourceIndex of(Path tree, Path cache, Progress progress) {
        Path kept = cache.resolve(FORMAT);
        try {
            if (!Files.isRegularFile(kept)) {
                progress.step("reading where the source defines its functions, once for this kit");
                Files.createDirectories(cache);
                AtomicFiles.write(kept, text(tree));
            }
            return new SourceIndex(Files.readString(kept, StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A line for each file: its path and the names, tabs between. */
    private static String text(Path tree) throws IOException {
        List<Path> sources = new ArrayList<>();
        Files.walkFileTree(
                tree,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                        String path = tree.relativize(file).toString();
                        boolean code =
                                switch (FileKind.of(path)) {
                                    case C_SOURCE, HEADER -> true;
                                    default -> false;
                                };
                        if (code
                                && attributes.isRegularFile()
                                && attributes.size() <= MAX_FILE_BYTES) {
                            sources.add(file);
                        }
                        return FileVisitResult.CONTINUE;
                    }
                });
        Map<String, String> lines =
                sources.parallelStream()
                        .collect(
                                Collectors.toMap(
                                        f -> tree.relativize(f).toString(),
                                        SourceIndex::namesOf,
                                        (a, b) -> a,
                                        TreeMap::new));
        StringBuilder text = new StringBuilder();
        lines.forEach((path, names) -> text.append(path).append(names).append('\n'));
        return text.toString();
    }

    private static String namesOf(Path file) {
        try {
            StringBuilder names = new StringBuilder();
            FunctionNames.of(Files.readAllLines(file, StandardCharsets.ISO_8859_1))
                    .forEach(n -> names.append('\t').append(n));
            return names.toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Map<String, String> byFunction() {
        Map<String, String> byFunction = new HashMap<>();
        for (String line : text.split("\n")) {
            String[] words = line.split("\t");
            for (int i = 1; i < words.length; i++) {
                byFunction.merge(words[i], words[0], (a, b) -> a + "\t" + b);
            }
        }
        return byFunction;
    }

    /** The files that define a function of a name; none when there is no such function. */
    public SortedSet<String> definedIn(String function) {
        if (asked.incrementAndGet() <= BEFORE_MAP) {
            return Collections.unmodifiableSortedSet(found(function));
        }
        String found = filesByFunction.get().get(function);
        return Collections.unmodifiableSortedSet(
                new TreeSet<>(found == null ? List.of() : List.of(found.split("\t"))));
    }

    private NavigableSet<String> found(String function) {
        NavigableSet<String> found = new TreeSet<>();
        String wanted = "\t" + function;
        for (int at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
            int end = at + wanted.length();
            if (end == text.length() || text.charAt(end) == '\t' || text.charAt(end) == '\n') {
                int start = text.lastIndexOf('\n', at) + 1;
                found.add(text.substring(start, text.indexOf('\t', start)));
            }
        }
        return found;
    }

    /** Every C file and header. */
    public SortedSet<String> files() {
        return files;
    }
}
