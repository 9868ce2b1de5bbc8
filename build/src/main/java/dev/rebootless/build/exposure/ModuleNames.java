package dev.rebootless.build.exposure;

import dev.rebootless.source.history.SourceIndex;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the tree's Makefiles make of several files, whatever the configuration switches on: {@code
 * obj-$(CONFIG_CFG80211) += cfg80211.o} with {@code cfg80211-y += core.o …} in {@code
 * net/wireless/} (Documentation/kbuild/makefiles.rst, "Loadable module goals"). A title names such
 * a module where no file or folder bears its name.
 */
final class ModuleNames {
    /** The largest of a kernel has about 60 kB. */
    private static final int MAX_BYTES = 1 << 20;

    private static final Pattern ASSIGNED =
            Pattern.compile(
                    "\\s*([\\w.+-]+?)-(?:y|m|objs|\\$\\(CONFIG_\\w+\\))\\s*(?::|\\+)?=\\s*(.*)");

    private final Map<String, List<Module>> byName = new HashMap<>();

    /**
     * One of them.
     *
     * @param folder its Makefile's, with a slash at the end
     * @param sources the C files that are linked into it with some configuration
     */
    record Module(String folder, SortedSet<String> sources) {
        Module {
            sources = Collections.unmodifiableSortedSet(new TreeSet<>(sources));
        }
    }

    private ModuleNames() {}

    /** Those of a tree, in folders with C files that x86 can have. */
    static ModuleNames of(Path tree, SourceIndex index) {
        ModuleNames names = new ModuleNames();
        NavigableSet<String> folders = new TreeSet<>();
        for (String file : index.files()) {
            if (file.endsWith(".c") && !TitleNames.isElsewhere(file)) {
                folders.add(file.substring(0, file.lastIndexOf('/') + 1));
            }
        }
        for (String folder : folders) {
            names.read(tree, folder, index.files());
        }
        return names;
    }

    /** The one of a name, letters and digits only; empty where there are none or several. */
    Optional<Module> find(String name) {
        List<Module> found = byName.getOrDefault(name, List.of());
        return found.size() == 1 ? Optional.of(found.getFirst()) : Optional.empty();
    }

    private void read(Path tree, String folder, Set<String> files) {
        Set<String> goals = new TreeSet<>();
        Map<String, SortedSet<String>> parts = new HashMap<>();
        for (String line : lines(tree, folder)) {
            Matcher assigned = ASSIGNED.matcher(line);
            if (!assigned.matches()) {
                continue;
            }
            String name = assigned.group(1);
            for (String word : assigned.group(2).split("\\s+")) {
                if (!word.endsWith(".o")) {
                    continue;
                }
                String object = word.substring(0, word.length() - 2);
                if (name.equals("obj")) {
                    goals.add(object);
                } else {
                    String source = Path.of(folder + object + ".c").normalize().toString();
                    if (files.contains(source)) {
                        parts.computeIfAbsent(name, n -> new TreeSet<>()).add(source);
                    }
                }
            }
        }
        parts.forEach((name, sources) -> {
            if (goals.contains(name)) {
                byName.computeIfAbsent(TitleNames.plain(name), n -> new ArrayList<>())
                        .add(new Module(folder, sources));
            }
        });
    }

    /** Of the folder's Kbuild, else Makefile; lines that go on are one. */
    private static List<String> lines(Path tree, String folder) {
        try {
            for (String name : List.of("Kbuild", "Makefile")) {
                Path file = tree.resolve(folder + name);
                if (Files.isRegularFile(file) && Files.size(file) <= MAX_BYTES) {
                    return Files.readString(file, StandardCharsets.ISO_8859_1)
                            .replaceAll("\\\\\r?\n", " ")
                            .lines()
                            .map(l -> l.replaceFirst("#.*", ""))
                            .toList();
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return List.of();
    }
}
