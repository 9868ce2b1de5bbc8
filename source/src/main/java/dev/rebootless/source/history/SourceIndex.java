package dev.rebootless.source.history;

import dev.rebootless.base.AtomicFiles;
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

    /**
     * Several files have tabs between them: most names are defined in one, and there are 500,000.
     */
    private final Map<String, String> filesByFunction;

    private final SortedSet<String> files;

    private SourceIndex(Map<String, String> filesByFunction, SortedSet<String> files) {
        this.filesByFunction = filesByFunction;
        this.files = Collections.unmodifiableSortedSet(files);
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
            return parsed(Files.readAllLines(kept, StandardCharsets.ISO_8859_1));
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

    private static SourceIndex parsed(List<String> lines) {
        Map<String, String> byFunction = new HashMap<>();
        NavigableSet<String> files = new TreeSet<>();
        for (String line : lines) {
            String[] words = line.split("\t");
            files.add(words[0]);
            for (int i = 1; i < words.length; i++) {
                byFunction.merge(words[i], words[0], (a, b) -> a + "\t" + b);
            }
        }
        return new SourceIndex(byFunction, files);
    }

    /** The files that define a function of a name; none when there is no such function. */
    public SortedSet<String> definedIn(String function) {
        String found = filesByFunction.get(function);
        return Collections.unmodifiableSortedSet(
                new TreeSet<>(found == null ? List.of() : List.of(found.split("\t"))));
    }

    /** Every C file and header. */
    public SortedSet<String> files() {
        return files;
    }
}
