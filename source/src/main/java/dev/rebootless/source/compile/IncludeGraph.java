package dev.rebootless.source.compile;

import dev.rebootless.base.AtomicFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Which files may include which, over everything that a tree's build compiles. It errs to one side:
 * a name may stand for every file whose path ends with it, whatever the folders that a unit is
 * compiled with; conditions do not count; and what has an include that cannot be read, or a text
 * that is not there yet, may include anything. So every header that a unit really reads is among
 * those predicted, which {@link #unpredicted} checks against what the compiler says it read. Only a
 * name in quotes with a file beside the including one is exact: there the preprocessor looks first.
 */
final class IncludeGraph {
    /** A name stands for files of these only where it begins with the folder's name. */
    private static final List<String> APART = List.of("tools/", "scripts/");

    /** Folders that are on the path of everything that is compiled (Makefile, LINUXINCLUDE). */
    private static final Pattern COMMON = Pattern.compile("^(?:include|arch/[^/]+/include)/");

    private final TreeListing listing;
    private final Set<String> planned;
    private final Map<String, List<String>> byName = new HashMap<>();
    private final Map<String, Set<String>> includes = new HashMap<>();
    private final Map<String, Set<String>> includers = new HashMap<>();
    private final Map<String, Unbounded> anything = new TreeMap<>();

    /** What each source that is compiled is compiled with. */
    private final Map<String, List<String>> roots = new HashMap<>();

    /** Why a file may include anything. */
    private sealed interface Unbounded {
        /** It has an include that only the preprocessor can read. */
        record Unreadable() implements Unbounded {}

        /** It is a program of tools/ or scripts/, whose names are looked for elsewhere first. */
        record Apart(Set<String> names) implements Unbounded {}

        /** It includes what macros stand for that no header defines. */
        record Macros(Set<String> names) implements Unbounded {
            /** Nobody but the configuration defines these, which is read. */
            boolean areAllOfTheConfiguration() {
                return names.stream().allMatch(m -> m.startsWith("CONFIG_"));
            }
        }

        /** It is yet to be made, or run while the kernel is made. */
        record NotRead() implements Unbounded {}
    }

    private IncludeGraph(TreeListing listing, Collection<String> planned) {
        this.listing = listing;
        this.planned = new HashSet<>(planned);
        this.planned.removeAll(listing.sources().keySet());
        listing.sources().keySet().forEach(this::index);
        this.planned.forEach(this::index);
    }

    private void index(String path) {
        byName.computeIfAbsent(nameOf(path), k -> new ArrayList<>()).add(path);
    }

    /**
     * The graph of what is compiled.
     *
     * @param plan its sources, and headers that are yet to be made
     * @param unitCache where what was read of each file is kept
     */
    static IncludeGraph of(TreeListing listing, TreePlan plan, Path unitCache) {
        IncludeGraph graph = new IncludeGraph(listing, plan.named());
        Map<String, List<String>> roots = graph.roots;
        plan.units().forEach(u -> roots.put(u.source(), u.arguments()));
        plan.sides()
                .forEach(s ->
                        roots.merge(
                                s.source(),
                                s.arguments(),
                                (a, b) -> {
                                    List<String> both = new ArrayList<>(a);
                                    both.addAll(b);
                                    return both;
                                }));
        plan.sides().stream()
                .filter(s -> s.kind() == SideCommand.Kind.PROGRAM)
                .forEach(s -> graph.anything.put(s.source(), new Unbounded.NotRead()));
        Scans scans = new Scans(listing, unitCache.resolve("include-scans-2"));
        graph.build(scans);
        scans.keep();
        return graph;
    }

    private void build(Scans scans) {
        Set<String> headerMacros = new HashSet<>();
        Map<String, List<String>> macrosOf = new HashMap<>();
        Deque<String> open = new ArrayDeque<>();
        Set<String> seen = new HashSet<>();
        // What only a tree as a whole can say of a file's arguments is the same for nearly all.
        Map<String, List<String>> resolved = new HashMap<>();
        roots.forEach((source, arguments) -> {
            if (seen.add(source)) {
                open.add(source);
            }
            for (String name : namedBy(arguments, headerMacros)) {
                for (String to : resolved.computeIfAbsent(name, this::named)) {
                    link(source, to);
                    if (seen.add(to)) {
                        open.add(to);
                    }
                }
            }
        });
        while (!open.isEmpty()) {
            String file = open.pop();
            IncludeScan scan =
                    listing.sources().containsKey(file) ? scans.of(file) : IncludeScan.UNKNOWN;
            headerMacros.addAll(scan.defined());
            if (!scan.macros().isEmpty()) {
                macrosOf.put(file, scan.macros());
            }
            if (!listing.sources().containsKey(file)) {
                anything.put(file, new Unbounded.NotRead());
            } else if (scan.anything()) {
                anything.put(file, new Unbounded.Unreadable());
            } else if (isApart(file)) {
                // A unit of tools/ has folders of its own.
                Set<String> names = new HashSet<>(scan.quoted());
                names.addAll(scan.angled());
                anything.putIfAbsent(file, new Unbounded.Apart(Set.copyOf(names)));
            }
            Set<String> to = new LinkedHashSet<>();
            scan.quoted().forEach(name -> to.addAll(quoted(file, name)));
            scan.angled().forEach(name -> to.addAll(resolved.computeIfAbsent(name, this::named)));
            for (String target : to) {
                link(file, target);
                if (seen.add(target)) {
                    open.add(target);
                }
            }
        }
        macrosOf.forEach((file, macros) -> {
            Set<String> unknown = new HashSet<>(macros);
            unknown.removeAll(headerMacros);
            if (!unknown.isEmpty()) {
                // What is worse known stays so.
                anything.merge(
                        file,
                        new Unbounded.Macros(Set.copyOf(unknown)),
                        (was, now) ->
                                was instanceof Unbounded.Apart ? new Unbounded.Unreadable() : was);
            }
        });
    }

    private static boolean isApart(String file) {
        return APART.stream().anyMatch(file::startsWith) && !file.endsWith(".h");
    }

    private void link(String from, String to) {
        includes.computeIfAbsent(from, k -> new HashSet<>()).add(to);
        includers.computeIfAbsent(to, k -> new HashSet<>()).add(from);
    }

    /** What {@code -include X}, {@code -imacros X} and {@code -DNAME=<X.h>} name. */
    private static Set<String> namedBy(List<String> arguments, Set<String> headerMacros) {
        Set<String> names = new LinkedHashSet<>();
        for (int i = 0; i < arguments.size(); i++) {
            String argument = arguments.get(i);
            if ((argument.equals("-include") || argument.equals("-imacros"))
                    && i + 1 < arguments.size()) {
                names.add(arguments.get(i + 1));
            } else if (argument.startsWith("-include") || argument.startsWith("-imacros")) {
                names.add(argument.substring("-include".length()));
            } else if (argument.matches("-D\\w+=[\"<][^\">]+\\.h[\">]")) {
                int equals = argument.indexOf('=');
                headerMacros.add(argument.substring(2, equals));
                names.add(argument.substring(equals + 2, argument.length() - 1));
            }
        }
        return names;
    }

    private List<String> quoted(String file, String name) {
        Path beside = Path.of(file).resolveSibling(name).normalize();
        return exists(beside.toString()) ? List.of(beside.toString()) : named(name);
    }

    private boolean exists(String path) {
        return listing.sources().containsKey(path) || planned.contains(path);
    }

    /** All files that a name may stand for, whatever folder it is looked for in. */
    private List<String> named(String name) {
        String path = Path.of(name).normalize().toString();
        while (path.startsWith("../")) {
            path = path.substring(3);
        }
        String end = path;
        return byName.getOrDefault(nameOf(end), List.of()).stream()
                .filter(f -> f.equals(end) || f.endsWith("/" + end))
                .filter(f -> APART.stream().noneMatch(a -> f.startsWith(a) && !end.startsWith(a)))
                .toList();
    }

    private static String nameOf(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    /**
     * All files that may include one of some files, with these, and all that may include anything.
     */
    Set<String> reaching(Collection<String> headers) {
        Set<String> from = new LinkedHashSet<>(headers);
        from.addAll(anything.keySet());
        return closure(from, includers);
    }

    /**
     * All files that may include a header that lies beside its sources, with it: those whose text
     * leads to it, and of those whose text is not known the ones that could find it. What is made
     * while a kernel is built includes what is beside it or on the compiler's path; and a macro of
     * the configuration that nothing defines stands for no file. For a header of the common
     * folders, it is {@link #reaching}.
     */
    Set<String> reachingPrivate(String header) {
        if (COMMON.matcher(header).find()) {
            return reaching(Set.of(header));
        }
        Set<String> from = new LinkedHashSet<>(Set.of(header));
        anything.forEach((file, why) -> {
            if (mayFind(file, why, header)) {
                from.add(file);
            }
        });
        return closure(from, includers);
    }

    private boolean mayFind(String file, Unbounded why, String header) {
        return switch (why) {
            case Unbounded.Unreadable _ -> true;
            case Unbounded.Apart(Set<String> names) ->
                    names.stream().anyMatch(n -> nameOf(n).equals(nameOf(header)));
            case Unbounded.Macros macros -> !macros.areAllOfTheConfiguration();
            case Unbounded.NotRead _ ->
                    areNear(folder(file), folder(header)) || isOnPath(file, header);
        };
    }

    /** Whether one folder is the other, or is in it. */
    private static boolean areNear(String one, String other) {
        return one.startsWith(other) || other.startsWith(one);
    }

    /** Whether what includes a file is compiled with a folder that a header is in. */
    private boolean isOnPath(String file, String header) {
        return closure(Set.of(file), includers).stream()
                .flatMap(f -> searched(roots.getOrDefault(f, List.of())).stream())
                .anyMatch(header::startsWith);
    }

    /** The folders of {@code -I} and the like, with a slash at the end; not the tree itself. */
    private static Set<String> searched(List<String> arguments) {
        Set<String> folders = new LinkedHashSet<>();
        for (int i = 0; i < arguments.size(); i++) {
            for (String option : List.of("-I", "-iquote", "-isystem", "-idirafter")) {
                String argument = arguments.get(i);
                if (argument.startsWith(option)) {
                    String named =
                            argument.equals(option) && i + 1 < arguments.size()
                                    ? arguments.get(i + 1)
                                    : argument.substring(option.length());
                    String folder = Path.of(named.strip()).normalize().toString();
                    if (!folder.isEmpty()) {
                        folders.add(folder + "/");
                    }
                }
            }
        }
        return folders;
    }

    private static String folder(String path) {
        return path.substring(0, path.lastIndexOf('/') + 1);
    }

    /**
     * What of a source's dependencies the graph does not know of: nothing, or the graph is wrong.
     */
    Set<String> unpredicted(String source, Collection<String> dependencies) {
        Set<String> predicted = closure(Set.of(source), includes);
        Set<String> missing = new TreeSet<>();
        if (predicted.stream().noneMatch(anything::containsKey)) {
            for (String file : dependencies) {
                if (!predicted.contains(file) && listing.sources().containsKey(file)) {
                    missing.add(file);
                }
            }
        }
        return missing;
    }

    /** What may include anything. */
    Set<String> unbounded() {
        return java.util.Collections.unmodifiableSet(anything.keySet());
    }

    private static Set<String> closure(Collection<String> from, Map<String, Set<String>> edges) {
        Set<String> found = new LinkedHashSet<>(from);
        Deque<String> open = new ArrayDeque<>(from);
        while (!open.isEmpty()) {
            for (String next : edges.getOrDefault(open.pop(), Set.of())) {
                if (found.add(next)) {
                    open.push(next);
                }
            }
        }
        return found;
    }

    /** What was read of each file, kept with the file's size and time. */
    private static final class Scans {
        private final TreeListing listing;
        private final Path file;
        private final Map<String, String> lines = new HashMap<>();
        private boolean changed;

        Scans(TreeListing listing, Path file) {
            this.listing = listing;
            this.file = file;
            try {
                for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
                    lines.put(line.substring(0, Math.max(line.indexOf('\t'), 0)), line);
                }
            } catch (IOException e) {
                // Not there, or damaged: all is read anew.
                lines.clear();
            }
        }

        IncludeScan of(String path) {
            String head = path + "\t" + listing.sources().get(path) + "\t";
            String line = lines.get(path);
            if (line == null || !line.startsWith(head)) {
                line = head + words(read(path));
                lines.put(path, line);
                changed = true;
            }
            return parsed(line.substring(head.length()));
        }

        private IncludeScan read(String path) {
            try {
                return IncludeScan.of(
                        Files.readString(
                                listing.tree().resolve(path), StandardCharsets.ISO_8859_1));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private static String words(IncludeScan scan) {
            List<String> words = new ArrayList<>();
            scan.quoted().forEach(w -> words.add("\"" + w));
            scan.angled().forEach(w -> words.add("<" + w));
            scan.macros().forEach(w -> words.add("@" + w));
            scan.defined().forEach(w -> words.add("=" + w));
            if (scan.anything()) {
                words.add("*");
            }
            return String.join("\t", words);
        }

        private static IncludeScan parsed(String text) {
            Map<Character, List<String>> words = new HashMap<>();
            for (String word : text.split("\t", -1)) {
                if (!word.isEmpty()) {
                    words.computeIfAbsent(word.charAt(0), k -> new ArrayList<>())
                            .add(word.substring(1));
                }
            }
            return new IncludeScan(
                    words.getOrDefault('"', List.of()),
                    words.getOrDefault('<', List.of()),
                    words.getOrDefault('@', List.of()),
                    words.getOrDefault('=', List.of()),
                    words.containsKey('*'));
        }

        void keep() {
            if (!changed) {
                return;
            }
            try {
                Files.createDirectories(file.toAbsolutePath().getParent());
                AtomicFiles.write(file, String.join("\n", new TreeSet<>(lines.values())) + "\n");
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
