package dev.rebootless.build.exposure;

import dev.rebootless.base.Lazy;
import dev.rebootless.source.history.SourceIndex;
import dev.rebootless.source.patch.FileKind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
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
import java.util.stream.Stream;

/**
 * What the title of a kernel commit names: {@code subsystem: driver: what was wrong in function()}
 * (Documentation/process/submitting-patches.rst, "The canonical patch format"). Nothing is guessed
 * from words of the language: only a function that the source defines, or a file, folder or module
 * of the very name, counts.
 */
final class TitleNames {
    /** {@code foo()} and {@code foo_bar}. */
    private static final Pattern FUNCTION =
            Pattern.compile("\\b([A-Za-z_]\\w{2,})(?=\\(\\))|\\b([A-Za-z]\\w*_\\w+)\\b");

    /** {@code crypto: qat - what was wrong}: what is behind the colon is a driver's name. */
    private static final Pattern DRIVER = Pattern.compile(": \\S+ - ");

    /** Shorter words are too common: {@code net}, {@code usb}, {@code mm}. */
    private static final int MIN_WORD = 4;

    /** A module's name is told from all others by its Makefile. */
    private static final int MIN_MODULE = 3;

    /** Names of subsystems that their folders do not have (MAINTAINERS). */
    private static final Map<String, String> OTHER_WORDS =
            Map.of(
                    "rdma", "infiniband",
                    "ib", "infiniband",
                    "ppc", "powerpc",
                    "alsa", "sound",
                    "asoc", "sound",
                    "wifi", "wireless",
                    "tracing", "trace",
                    "vsock", "vmwvsock",
                    "svcrdma", "xprtrdma",
                    "fsnotify", "notify");

    /**
     * Words that are a subsystem's elsewhere: {@code perf} is {@code kernel/events/} and {@code
     * arch/x86/events/}, not {@code drivers/perf/} (MAINTAINERS, "PERFORMANCE EVENTS SUBSYSTEM").
     */
    private static final Set<String> MEANT_ELSEWHERE = Set.of("perf");

    /** The one that is not another: a title that has one of these as well means it too. */
    private static final Set<String> X86 = Set.of("x86", "x8664", "x64", "amd64");

    private static final Set<String> LEFT_OUT =
            Set.of("Documentation", "tools", "samples", "scripts", "include", "usr");

    private final SourceIndex index;
    private final Lazy<ModuleNames> modules;

    /** The names of the folders of {@code arch/} but x86's. */
    private final Set<String> otherArchitectures = new TreeSet<>();

    /** By base name without suffix, letters and digits only. */
    private final Map<String, List<String>> filesByName = new HashMap<>();

    /** The names of the C files right in a folder, letters and digits only, by its path. */
    private final Map<String, List<String>> namesIn = new HashMap<>();

    /** By a folder's name, letters and digits only. */
    private final Map<String, Set<String>> foldersByName = new HashMap<>();

    TitleNames(SourceIndex index, Lazy<ModuleNames> modules) {
        this.index = index;
        this.modules = modules;
        for (String file : index.files()) {
            if (file.startsWith("arch/") && isElsewhere(file)) {
                otherArchitectures.add(file.split("/", 3)[1]);
            }
            if (isElsewhere(file)) {
                continue;
            }
            String[] parts = file.split("/");
            if (file.endsWith(".c")) {
                String last = parts[parts.length - 1];
                String name = plain(last.substring(0, last.length() - 2));
                filesByName.computeIfAbsent(name, k -> new ArrayList<>()).add(file);
                namesIn.computeIfAbsent(
                                file.substring(0, file.length() - last.length()),
                                k -> new ArrayList<>())
                        .add(name);
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
    static boolean isElsewhere(String file) {
        String[] parts = file.split("/", 3);
        return LEFT_OUT.contains(parts[0])
                || (parts[0].equals("arch") && parts.length > 1 && !parts[1].equals("x86"));
    }

    /** The names of the folders of a path, and of the file without its suffix. */
    private static List<String> parts(String path) {
        boolean isCode = path.endsWith(".c") || path.endsWith(".h");
        String stem = isCode ? path.substring(0, path.length() - 2) : path;
        List<String> parts = new ArrayList<>();
        int start = 0;
        for (int slash = stem.indexOf('/'); slash >= 0; slash = stem.indexOf('/', start)) {
            parts.add(plain(stem.substring(start, slash)));
            start = slash + 1;
        }
        parts.add(plain(stem.substring(start)));
        return parts;
    }

    /** Letters and digits only, in lower case. */
    static String plain(String word) {
        StringBuilder plain = new StringBuilder(word.length());
        for (int i = 0; i < word.length(); i++) {
            char c = Character.toLowerCase(word.charAt(i));
            if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
                plain.append(c);
            }
        }
        return plain.toString();
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
        List<String> parts = parts(file);
        return words.stream()
                .filter(w -> parts.stream().anyMatch(p -> p.contains(w) || p.startsWith(stem(w))))
                .count();
    }

    /** The tree's word for a title's: {@code tracing} is in {@code kernel/trace}. */
    private static String stem(String word) {
        String known = known(word);
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

    /**
     * Files that a title may mean, of those that change in the step which has its fix.
     *
     * @param word of the title that they or their folders bear as their name
     * @param sources C files
     * @param others headers and what else of these folders changes; with the sources at least one
     * @param isOne whether the title means one file: its innermost word leads to that alone
     * @param isSure whether the title leaves no doubt that it means these
     */
    record Changing(
            String word,
            SortedSet<String> sources,
            SortedSet<String> others,
            boolean isOne,
            boolean isSure) {}

    /**
     * What changes of the modules, files and folders that bear the name of a title's subsystem,
     * from the innermost word ({@code erofs} of {@code erofs: …}) outwards; in the path of one at
     * least all words before it stand as well.
     *
     * @param changed all files that change in the step
     */
    Optional<Changing> changing(String title, SortedSet<String> changed) {
        List<String> words = subsystem(title);
        for (int last = words.size(); last > 0; last--) {
            String word = words.get(last - 1);
            List<String> upTo = words.subList(0, last);
            boolean isInnermost = last == words.size();
            boolean hasMore = DRIVER.matcher(title).find();
            Optional<Changing> exact =
                    ofModule(upTo, changed, isInnermost && !hasMore)
                            .or(() -> ofNestedFolder(upTo, changed, isInnermost));
            if (exact.isPresent()) {
                return exact;
            }
            NavigableSet<String> sources = new TreeSet<>();
            NavigableSet<String> headers = new TreeSet<>();
            boolean fits = false;
            for (String file : changed) {
                if (!isElsewhere(file) && bears(file, known(word))) {
                    if (file.endsWith(".c")) {
                        sources.add(file);
                        fits |= standing(upTo, file) == upTo.size();
                    }
                    if (file.endsWith(".h")) {
                        headers.add(file);
                    }
                }
            }
            // In net/mac80211/ nothing says wifi, and a driver has a mac80211.c: all of them may be
            // meant, unless the words before leave no doubt.
            NavigableSet<String> sure = new TreeSet<>(sources);
            sure.removeIf(f -> !isBeyondDoubt(title, word, Set.of(f)));
            if (fits) {
                SortedSet<String> meant = sure.isEmpty() ? sources : sure;
                return Optional.of(
                        new Changing(
                                word,
                                meant,
                                headers,
                                isInnermost && meant.size() == 1,
                                isBeyondDoubt(title, word, meant)));
            }
        }
        return Optional.empty();
    }

    /**
     * What changes of the one module that bears the name of the last word, or of the last two:
     * {@code ksmbd} is {@code fs/smb/server/}, {@code dm cache} is dm-cache. Of its files, or,
     * where none of these changes, of its Makefile's folder.
     */
    private Optional<Changing> ofModule(
            List<String> words, SortedSet<String> changed, boolean isInnermost) {
        String name = words.getLast();
        Optional<ModuleNames.Module> module = named(name, words.subList(0, words.size() - 1));
        if (module.isEmpty() && words.size() > 1) {
            name = words.get(words.size() - 2) + name;
            module = named(name, words.subList(0, words.size() - 2));
        }
        if (module.isEmpty()) {
            return Optional.empty();
        }
        Changing folder = in(module.get().folder(), name, changed, isInnermost);
        NavigableSet<String> own = new TreeSet<>(folder.sources());
        own.retainAll(module.get().sources());
        // What a word behind it means may be beside the module: watchdog: msc313e: is a driver.
        return Optional.of(
                        !isInnermost || own.isEmpty() || own.size() == folder.sources().size()
                                ? folder
                                : new Changing(name, own, folder.others(), false, true))
                .filter(c -> !c.sources().isEmpty() || !c.others().isEmpty());
    }

    /**
     * In whose folder all words before stand; no folder elsewhere bears its name, as {@code
     * drivers/crypto/} does that of a module in {@code crypto/}.
     */
    private Optional<ModuleNames.Module> named(String name, List<String> before) {
        return name.length() < MIN_MODULE || MEANT_ELSEWHERE.contains(name)
                ? Optional.empty()
                : modules.get()
                        .find(name)
                        .filter(m -> before.stream().allMatch(w -> isAbove(w, m.folder())))
                        .filter(m ->
                                foldersByName.getOrDefault(name, Set.of()).stream()
                                        .allMatch(f -> (f + "/").startsWith(m.folder())));
    }

    /** The whole of net/ that is for radio is {@code wifi:} (MAINTAINERS, "MAC80211"). */
    private static boolean isAbove(String word, String folder) {
        return bears(folder, known(word)) || (word.equals("wifi") && folder.startsWith("net/"));
    }

    /**
     * What changes in the one folder that the words name one in another: {@code vfio/mlx5} is
     * {@code drivers/vfio/pci/mlx5/}.
     */
    private Optional<Changing> ofNestedFolder(
            List<String> words, SortedSet<String> changed, boolean isInnermost) {
        String last = words.getLast();
        if (words.size() < 2 || MEANT_ELSEWHERE.contains(last)) {
            return Optional.empty();
        }
        List<String> known = words.stream().map(TitleNames::known).toList();
        List<String> nested =
                foldersByName.getOrDefault(known.getLast(), Set.of()).stream()
                        .filter(f -> isNested(parts(f), known))
                        .toList();
        if (nested.size() != 1) {
            return Optional.empty();
        }
        String folder = nested.getFirst();
        boolean isChild = isIn(folder, known.get(known.size() - 2), known.getLast());
        boolean hasFile =
                filesByName.getOrDefault(last, List.of()).stream()
                        .anyMatch(f -> standing(words, f) == words.size());
        if ((!isChild && hasFile) || hasCoreBeside(folder, known.getLast())) {
            return Optional.empty();
        }
        return Optional.of(in(folder + "/", last, changed, isInnermost))
                .filter(c -> !c.sources().isEmpty() || !c.others().isEmpty());
    }

    private static boolean isNested(List<String> parts, List<String> words) {
        int at = 0;
        for (String part : parts) {
            if (at < words.size() && part.equals(words.get(at))) {
                at++;
            }
        }
        return at == words.size();
    }

    /** All that changes in a folder. */
    private static Changing in(
            String folder, String word, SortedSet<String> changed, boolean isInnermost) {
        NavigableSet<String> sources = new TreeSet<>();
        NavigableSet<String> others = new TreeSet<>();
        for (String file : changed.tailSet(folder)) {
            if (!file.startsWith(folder)) {
                break;
            }
            sort(file, sources, others);
        }
        return new Changing(word, sources, others, isInnermost && sources.size() == 1, true);
    }

    private static void sort(String file, Set<String> sources, Set<String> others) {
        switch (FileKind.of(file)) {
            case C_SOURCE -> sources.add(file);
            case HEADER, ASSEMBLER, OTHER -> others.add(file);
            case BUILD_SYSTEM, SHARED_WITH_TOOLS, DOCUMENTATION, TOOLING -> {}
        }
    }

    /**
     * All that changes and has to do with the title's outermost word: in whose path it stands, or
     * that bears the name of one of the words behind it. It is sure where the word is the name of a
     * folder in which something changes.
     */
    Optional<Changing> outermost(String title, SortedSet<String> changed) {
        List<String> words = subsystem(title);
        if (words.isEmpty() || MEANT_ELSEWHERE.contains(words.getFirst())) {
            return Optional.empty();
        }
        String first = known(words.getFirst());
        NavigableSet<String> sources = new TreeSet<>();
        NavigableSet<String> others = new TreeSet<>();
        for (String file : changed) {
            List<String> parts = parts(file);
            if (parts.stream().anyMatch(p -> p.contains(first))
                    || words.stream().anyMatch(w -> parts.contains(known(w)))) {
                sort(file, sources, others);
            }
        }
        boolean isFolder =
                foldersByName.getOrDefault(first, Set.of()).stream()
                        .anyMatch(f -> sources.stream().anyMatch(s -> s.startsWith(f + "/")));
        return sources.isEmpty()
                ? Optional.empty()
                : Optional.of(new Changing(words.getFirst(), sources, others, false, isFolder));
    }

    /**
     * The one file whose name is the last two words joined, where it changes and lies in a folder
     * of the first of them: {@code gpio: tegra} is {@code drivers/gpio/gpio-tegra.c}. Not where
     * another that changes has a longer name of that beginning, or one bears the last word alone.
     */
    Optional<String> joined(String title, SortedSet<String> changed) {
        List<String> words = subsystem(title);
        if (words.size() < 2) {
            return Optional.empty();
        }
        String first = words.get(words.size() - 2);
        String joined = first + words.getLast();
        List<String> files = filesByName.getOrDefault(joined, List.of());
        if (files.size() != 1 || !changed.contains(files.getFirst())) {
            return Optional.empty();
        }
        String file = files.getFirst();
        String folder = file.substring(0, file.lastIndexOf('/') + 1);
        boolean isAlone =
                changed.stream()
                                .filter(f -> f.startsWith(folder) && f.endsWith(".c"))
                                .noneMatch(f ->
                                        !f.equals(file) && parts(f).getLast().startsWith(joined))
                        && Stream.concat(
                                        filesByName
                                                .getOrDefault(words.getLast(), List.of())
                                                .stream(),
                                        foldersByName
                                                .getOrDefault(words.getLast(), Set.of())
                                                .stream())
                                .noneMatch(f -> bears(f, known(first)));
        boolean isInAll =
                words.subList(0, words.size() - 1).stream().allMatch(w -> bears(folder, known(w)));
        return isAlone && isInAll ? Optional.of(file) : Optional.empty();
    }

    /**
     * The architecture other than x86 that a title marks: as its first word, or as a later one
     * where a file of that architecture changes in whose path all words stand ({@code bpf, arm64:}
     * is {@code arch/arm64/net/bpf_jit_comp.c}).
     */
    Optional<String> otherArchitecture(String title, SortedSet<String> changed) {
        List<String> words = subsystem(title);
        if (words.stream().anyMatch(X86::contains)) {
            return Optional.empty();
        }
        for (int i = 0; i < words.size(); i++) {
            String word = known(words.get(i));
            boolean isFirst = i == 0;
            if (otherArchitectures.contains(word)
                    && changed.stream()
                            .filter(f -> f.startsWith("arch/" + word + "/"))
                            .anyMatch(f -> isFirst || standing(words, f) == words.size())) {
                return Optional.of(word);
            }
        }
        return Optional.empty();
    }

    /**
     * Whether a title leaves no doubt that files are meant. The cfg80211 of {@code wifi: cfg80211:}
     * is in {@code net/wireless/}, and not the file of that name of a driver called mwifiex; and
     * {@code mtd: core:} is {@code mtdcore.c}, and not the core of a part of it. So nothing else in
     * the tree may bear the word as its name, or the words before it must be the very folders that
     * the files are in.
     */
    boolean isBeyondDoubt(String title, String word, Set<String> files) {
        List<String> words = subsystem(title);
        List<String> before = words.subList(0, Math.max(0, words.indexOf(word)));
        if (files.isEmpty() || MEANT_ELSEWHERE.contains(word)) {
            return false;
        }
        int bearers =
                filesByName.getOrDefault(word, List.of()).size()
                        + foldersByName.getOrDefault(word, Set.of()).size();
        boolean inAllBefore =
                files.stream().allMatch(f -> before.stream().allMatch(w -> bears(f, known(w))));
        return inAllBefore
                && files.stream().noneMatch(f -> hasCoreBeside(f, known(word)))
                && (before.isEmpty()
                        ? bearers == 1 && filesByName.containsKey(word)
                        : bearers == 1
                                || files.stream()
                                        .allMatch(f ->
                                                isIn(f, known(before.getLast()), known(word))));
    }

    /**
     * Whether beside the folder of a name there is a file whose name ends with it: {@code
     * drivers/iio/industrialio-trigger.c} beside {@code drivers/iio/trigger/} is the subsystem's
     * own.
     */
    private boolean hasCoreBeside(String path, String name) {
        String[] parts = path.split("/");
        StringBuilder parent = new StringBuilder();
        for (String part : parts) {
            if (plain(part).equals(name)) {
                return namesIn.getOrDefault(parent.toString(), List.of()).stream()
                        .anyMatch(other -> other.endsWith(name) && !other.equals(name));
            }
            parent.append(part).append('/');
        }
        return false;
    }

    private static String known(String word) {
        return OTHER_WORDS.getOrDefault(word, word);
    }

    /** Whether a file, or a folder above it, bears a name and is right in a folder of another. */
    private static boolean isIn(String file, String folder, String name) {
        List<String> parts = parts(file);
        for (int i = 0; i + 1 < parts.size(); i++) {
            if (parts.get(i).equals(folder) && parts.get(i + 1).equals(name)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Whether a title leaves no doubt that the file which defines its functions is meant: all words
     * of its subsystem are names in the file's path, or in the file's own name, and no header
     * elsewhere defines a function of that name as well.
     */
    boolean isBeyondDoubt(String title, Set<String> functions, String file) {
        String folder = file.substring(0, file.lastIndexOf('/') + 1);
        String name = plain(file.substring(folder.length()));
        for (String word : subsystem(title)) {
            if (!bears(file, known(word))
                    && !name.contains(word)
                    && functions.stream().noneMatch(f -> plain(f).equals(word))) {
                return false;
            }
        }
        return functions.stream()
                .flatMap(f -> index.definedIn(f).stream())
                .noneMatch(f ->
                        f.endsWith(".h")
                                && !f.startsWith("tools/")
                                && !f.substring(0, f.lastIndexOf('/') + 1).equals(folder));
    }

    /** The innermost word of a title's subsystem, letters and digits only; may be empty. */
    static String innermost(String title) {
        List<String> words = subsystem(title);
        return words.isEmpty() ? "" : words.getLast();
    }

    /** Whether a file, without its suffix, or a folder above it is of a name. */
    private static boolean bears(String file, String name) {
        return parts(file).contains(name);
    }

    /** A folder's name that the title's subsystem has, and the folders of that name. */
    record Folders(String word, Set<String> folders) {}

    /**
     * The folders of the name of the subsystem's last word, or of the one before it, in whose path
     * the words before that stand as well ({@code net/sched: flower:} is not the flower of a
     * network card); empty where a file bears such a name as well.
     */
    List<Folders> folders(String title) {
        List<Folders> found = new ArrayList<>();
        List<String> words = subsystem(title);
        for (int last = words.size() - 1; last >= 0; last--) {
            String word = words.get(last);
            List<String> before = words.subList(0, last);
            NavigableSet<String> folders =
                    new TreeSet<>(foldersByName.getOrDefault(word, Set.of()));
            folders.removeIf(f -> !before.stream().allMatch(w -> bears(f, known(w))));
            boolean hasCore = folders.stream().anyMatch(f -> hasCoreBeside(f, word));
            if (word.length() >= MIN_WORD
                    && !MEANT_ELSEWHERE.contains(word)
                    && !folders.isEmpty()
                    && !hasCore
                    && !filesByName.containsKey(word)) {
                found.add(new Folders(word, folders));
            }
        }
        return found;
    }
}
