package dev.rebootless.build.exposure;

import dev.rebootless.base.Progress;
import dev.rebootless.cve.Exposure;
import dev.rebootless.cve.KnownCve;
import dev.rebootless.source.compile.BuiltCode;
import dev.rebootless.source.history.SourceDifference;
import dev.rebootless.source.history.SourceIndex;
import dev.rebootless.source.kit.Kit;
import java.util.Collections;
import java.util.HashSet;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/** Tells for each CVE whether a kernel has its code. */
public final class ExposedCves {
    private final BuiltCode built;
    private final SourceIndex index;
    private final TitleNames titles;
    private final Set<String> builtFolders = new HashSet<>();
    private final Optional<Set<String>> loaded;
    private final FixSteps steps;

    /**
     * @param loaded the modules that are loaded on the host; empty where that is not known: then
     *     each may be
     * @param steps against which it is held what a title names: where nothing of it changes, it
     *     means something else
     */
    public ExposedCves(Kit kit, Optional<Set<String>> loaded, FixSteps steps, Progress progress) {
        this.steps = steps;
        this.built = BuiltCode.of(kit.kernelTree(), progress);
        this.index = SourceIndex.of(kit.tree(), kit.unitCache(), progress);
        this.titles = new TitleNames(index);
        this.loaded = loaded.map(Set::copyOf);
        for (String unit : built.units().keySet()) {
            for (int slash = unit.indexOf('/'); slash > 0; slash = unit.indexOf('/', slash + 1)) {
                builtFolders.add(unit.substring(0, slash));
            }
        }
    }

    /** One row. */
    public CveRow row(KnownCve cve) {
        Place place = place(cve);
        NavigableSet<String> targets = new TreeSet<>();
        boolean isKnown =
                switch (place) {
                    case Place.Stated(SortedSet<String> files, String _) -> {
                        files.forEach(f -> targets.addAll(built.targetsOf(f)));
                        yield true;
                    }
                    case Place.Named(SortedSet<String> files, String _) -> {
                        files.forEach(f -> targets.addAll(built.targetsOf(f)));
                        yield true;
                    }
                    case Place.Among among -> isKnown(among, targets);
                    case Place.UnbuiltFolder _, Place.OtherArchitecture _ -> true;
                    case Place.Unknown _ -> false;
                };
        Exposure exposure =
                !isKnown
                        ? Exposure.UNKNOWN
                        : targets.isEmpty()
                                ? Exposure.NOT_BUILT
                                : isLoaded(targets) ? Exposure.EXPOSED : Exposure.NOT_LOADED;
        // What is in some of the files that may be meant is no place of the fix.
        return new CveRow(cve, place, isKnown ? targets : Collections.emptySortedSet(), exposure);
    }

    /** Where the fix is in one of several files, it is known only if it is the same with each. */
    private boolean isKnown(Place.Among among, Set<String> targets) {
        int unbuilt = 0;
        for (String file : among.files()) {
            Set<String> of = built.targetsOf(file);
            targets.addAll(of);
            unbuilt += of.isEmpty() ? 1 : 0;
        }
        return unbuilt == 0 || (unbuilt == among.files().size() && !among.withHeaders());
    }

    private boolean isLoaded(Set<String> targets) {
        Set<String> modules = built.modules();
        return loaded.isEmpty()
                || targets.stream().anyMatch(t -> !modules.contains(t) || loaded.get().contains(t));
    }

    private Place place(KnownCve cve) {
        if (!cve.files().isEmpty()) {
            return new Place.Stated(cve.files(), cve.filesSource());
        }
        if (!cve.reachesAmd64()) {
            return new Place.OtherArchitecture();
        }
        Optional<SourceDifference> step = step(cve);
        NavigableSet<String> named = new TreeSet<>();
        Map<String, SortedSet<String>> functions = titles.functions(cve.title());
        functions.values().forEach(named::addAll);
        if (functions.isEmpty()) {
            titles.file(cve.title()).ifPresent(named::add);
        }
        Set<String> unchanged = new TreeSet<>(named);
        step.ifPresent(s -> named.retainAll(s.changed()));
        unchanged.removeAll(named);
        boolean isBuilt = named.stream().anyMatch(f -> !built.targetsOf(f).isEmpty());
        if (!named.isEmpty()
                && !functions.isEmpty()
                && (isBuilt || isBeyondDoubt(cve.title(), functions.keySet(), named))) {
            return new Place.Named(
                    named,
                    String.join(", ", functions.keySet().stream().map(f -> f + "()").toList()));
        }
        Optional<Place> guessed = Optional.empty();
        if (!named.isEmpty() && functions.isEmpty()) {
            guessed =
                    unlessDoubtful(
                            cve.title(),
                            TitleNames.innermost(cve.title()),
                            new Place.Named(named, named.first()),
                            named);
        }
        Optional<TitleNames.Changing> changing =
                step.flatMap(s -> titles.changing(cve.title(), s.changed()));
        if (guessed.isEmpty() && named.isEmpty() && changing.isPresent()) {
            guessed =
                    unlessDoubtful(
                            cve.title(),
                            changing.get().word(),
                            place(changing.get(), step.orElseThrow()),
                            changing.get().sources());
        }
        if (guessed.isPresent()) {
            return guessed.get();
        }
        for (TitleNames.Folders folders : titles.folders(cve.title())) {
            if (folders.folders().stream().noneMatch(builtFolders::contains)) {
                return new Place.UnbuiltFolder(new TreeSet<>(folders.folders()), folders.word());
            }
        }
        unchanged.addAll(named);
        changing.ifPresent(c -> unchanged.add(c.word()));
        return new Place.Unknown(
                unchanged.isEmpty()
                        ? ""
                        : !named.isEmpty() || changing.isPresent()
                                ? String.join(", ", unchanged)
                                        + ", which the title names, may not be what it means"
                                : "%s, which the title seems to mean, does not change %s"
                                        .formatted(
                                                String.join(", ", unchanged),
                                                words(step.orElseThrow())));
    }

    private static Place place(TitleNames.Changing changing, SourceDifference step) {
        return changing.isInnermost() && changing.sources().size() == 1
                ? new Place.Named(changing.sources(), changing.word())
                : new Place.Among(
                        changing.sources(), changing.withHeaders(), changing.word(), words(step));
    }

    /** Functions that an unbuilt file defines. */
    private boolean isBeyondDoubt(String title, Set<String> functions, Set<String> files) {
        return files.stream().allMatch(f -> titles.isBeyondDoubt(title, functions, f));
    }

    /**
     * One file, and that this kernel has none of the code, are said only of what the title names
     * beyond doubt: the first leads to a fix, and the second to none. Where one of several files is
     * meant and each is built, it does not matter which; where some are, whoever looks at it is
     * told which.
     */
    private Optional<Place> unlessDoubtful(
            String title, String word, Place place, Set<String> files) {
        boolean isBeyondDoubt = titles.isBeyondDoubt(title, word, files);
        boolean fits =
                switch (place) {
                    case Place.Among among ->
                            files.stream().anyMatch(f -> !built.targetsOf(f).isEmpty())
                                    || (isBeyondDoubt && !among.withHeaders());
                    default -> isBeyondDoubt;
                };
        return fits ? Optional.of(place) : Optional.empty();
    }

    private Optional<SourceDifference> step(KnownCve cve) {
        OptionalInt number = cve.fixedIn().map(steps::of).orElse(OptionalInt.empty());
        return number.isPresent()
                ? Optional.of(steps.list().get(number.getAsInt()))
                : Optional.empty();
    }

    private static String words(SourceDifference step) {
        return "from " + step.older() + " to " + step.newer();
    }

    /** Which functions a title names, each with the files that define it. */
    public Map<String, SortedSet<String>> functionsNamed(String title) {
        return titles.functions(title);
    }

    /** What is built. */
    public BuiltCode built() {
        return built;
    }

    /** Where functions are. */
    public SourceIndex index() {
        return index;
    }
}
