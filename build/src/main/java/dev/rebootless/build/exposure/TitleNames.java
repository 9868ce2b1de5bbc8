package dev.rebootless.build.exposure;

import dev.rebootless.source.history.SourceIndex;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the title of a kernel commit names: {@code subsystem: driver: what was wrong in function()}
 * (Documentation/process/submitting-patches.rst, "The canonical patch format"). Nothing is guessed
 * from words of the language: only a function that the source defines, or a file or folder of the
 * very name, counts.
 */
final class TitleNames {
    /** {@code foo()} and {@code foo_bar}. */
    private static final Pattern FUNCTION =
            Pattern.compile("\\b([A-Za-z_]\\w{2,})(?=\\(\\))|\\b([A-Za-z]\\w*_\\w+)\\b");

    /** Shorter words are too common: {@code net}, {@code usb}, {@code mm}. */
    private static final int MIN_WORD = 4;

    /** Names of subsystems that their folders do not have. */
    private static final Map<String, String> OTHER_WORDS =
            Map.of("rdma", "infiniband", "ib", "infiniband", "alsa", "sound", "asoc", "sound");

    private static final Set<String> LEFT_OUT =
            Set.of("Documentation", "tools", "samples", "scripts", "include", "usr");

    private final SourceIndex index;

    /** By base name without suffix, letters and digits only. */
    private final Map<String, List<String>> filesByName = new HashMap<>();

    /** By a folder's name, letters and digits only. */
    private final Map<String, Set<String>> foldersByName = new HashMap<>();

    TitleNames(SourceIndex index) {
        this.index = index;
        for (String file : index.files()) {
            if (isElsewhere(file)) {
                continue;
            }
            String[] parts = file.split("/");
            if (file.endsWith(".c")) {
                String name = plain(parts[parts.length - 1].replaceFirst("\\.c$", ""));
                filesByName.computeIfAbsent(name, k -> new ArrayList<>()).add(file);
            }
            StringBuilder folder = new StringBuilder();
            for (int i = 0; i + 1 < parts.length; i++) {
                folder.append(parts[i]);
                foldersByName
                        .computeIfAbsent(plain(parts[i]), k -> new TreeSet<>())
                        .add(folder.toString());
                folder.append('/');
            }
        }
    }

    /** Of programs and of other architectures than x86. */
    private static boolean isElsewhere(String file) {
        String[] parts = file.split("/", 3);
        return LEFT_OUT.contains(parts[0])
                || (parts[0].equals("arch") && parts.length > 1 && !parts[1].equals("x86"));
    }

    private static String plain(String word) {
        return word.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]", "");
    }

    /**
     * The functions that a title names and that one C file defines, each with that file: of
     * namesakes the one that the title's subsystem speaks of.
     */
    SortedMap<String, SortedSet<String>> functions(String title) {
        NavigableMap<String, SortedSet<String>> found = new TreeMap<>();
        Matcher matcher = FUNCTION.matcher(title);
        while (matcher.find()) {
            String name = matcher.group(1) != null ? matcher.group(1) : matcher.group(2);
            NavigableSet<String> files = new TreeSet<>(index.definedIn(name));
            files.removeIf(f -> isElsewhere(f) || !f.endsWith(".c"));
            SortedSet<String> narrowed = narrowed(files, title);
            // Of several files of no relation, the title means one, or none of them; and a file
            // that
            // has nothing to do with the subsystem defines what is only called (kmemdup()).
            if (narrowed.size() == 1 && standing(subsystem(title), narrowed.first()) > 0) {
                found.put(name, narrowed);
            }
        }
        return found;
    }

    /** Of namesakes those in whose path most words of the subsystem stand. */
    private static SortedSet<String> narrowed(SortedSet<String> files, String title) {
        List<String> words = subsystem(title);
        if (files.size() < 2 || words.isEmpty()) {
            return files;
        }
        long most = files.stream().mapToLong(f -> standing(words, f)).max().orElse(0);
        NavigableSet<String> best = new TreeSet<>(files);
        best.removeIf(f -> standing(words, f) < most);
        return best;
    }

    private static long standing(List<String> words, String file) {
        List<String> parts =
                Arrays.stream(file.replaceFirst("\\.[ch]$", "").split("/"))
                        .map(TitleNames::plain)
                        .toList();
        return words.stream()
                .filter(w -> parts.stream().anyMatch(p -> p.contains(w) || p.startsWith(stem(w))))
                .count();
    }

    /** The tree's word for a title's: {@code tracing} is in {@code kernel/trace}. */
    private static String stem(String word) {
        String known = OTHER_WORDS.getOrDefault(word, word);
        return known.endsWith("ing") && known.length() >= MIN_WORD + 3
                ? known.substring(0, known.length() - 3)
                : known;
    }

    /** The words before the last colon, letters and digits only. */
    private static List<String> subsystem(String title) {
        int colon = title.lastIndexOf(": ");
        if (colon < 0) {
            return List.of();
        }
        Set<String> words = new LinkedHashSet<>();
        for (String word : title.substring(0, colon).split("[:/,\\s]+")) {
            if (!plain(word).isEmpty()) {
                words.add(plain(word));
            }
        }
        return List.copyOf(words);
    }

    /**
     * The one file that bears the name of the title's innermost subsystem ({@code USB: serial:
     * digi_acceleport: …}) and in whose path all its other words stand.
     */
    Optional<String> file(String title) {
        List<String> words = subsystem(title);
        if (words.isEmpty()
                || words.getLast().length() < MIN_WORD
                // net/xfrm/ is meant, and not security/selinux/xfrm.c.
                || foldersByName.containsKey(words.getLast())) {
            return Optional.empty();
        }
        List<String> fitting =
                filesByName.getOrDefault(words.getLast(), List.of()).stream()
                        .filter(f -> standing(words, f) == words.size())
                        .toList();
        return fitting.size() == 1 ? Optional.of(fitting.getFirst()) : Optional.empty();
    }

    /** A folder's name that the title's subsystem has, and the folders of that name. */
    record Folders(String word, Set<String> folders) {}

    /**
     * The folders of the name of the subsystem's last word, or of the one before it; empty where a
     * file bears such a name as well.
     */
    List<Folders> folders(String title) {
        List<Folders> found = new ArrayList<>();
        for (String word : subsystem(title).reversed()) {
            Set<String> folders = foldersByName.getOrDefault(word, Set.of());
            if (word.length() >= MIN_WORD && !folders.isEmpty() && !filesByName.containsKey(word)) {
                found.add(new Folders(word, folders));
            }
        }
        return found;
    }
}
