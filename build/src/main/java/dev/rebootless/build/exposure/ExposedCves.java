package dev.rebootless.build.exposure;

import dev.rebootless.base.Lazy;
import dev.rebootless.base.Progress;
import dev.rebootless.cve.Exposure;
import dev.rebootless.cve.KnownCve;
import dev.rebootless.source.compile.BuiltCode;
import dev.rebootless.source.history.SourceDifference;
import dev.rebootless.source.history.SourceIndex;
import dev.rebootless.source.kit.Kit;
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
        this.titles = new TitleNames(index, new Lazy<>(() -> ModuleNames.of(kit.tree(), index)));
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
        if (isKnown(place)) {
            place.files().forEach(f -> targets.addAll(built.targetsOf(f)));
        }
        Exposure exposure =
                !isKnown(place)
                        ? Exposure.UNKNOWN
                        : targets.isEmpty()
                                ? Exposure.NOT_BUILT
                                : isLoaded(targets) ? Exposure.EXPOSED : Exposure.NOT_LOADED;
        return new CveRow(cve, place, targets, exposure);
    }

    /** Where the fix is in one of several files, it is known only if it is the same with each. */
    private boolean isKnown(Place place) {
        return switch (place) {
            case Place.Among among ->
                    areBuilt(among.files().isEmpty() ? among.others() : among.files())
                            || areUnbuilt(among.files(), among.others());
            case Place.Unknown _ -> false;
            case Place.Stated _, Place.Named _, Place.UnbuiltFolder _, Place.OtherArchitecture _ ->
                    true;
        };
    }

    private boolean areBuilt(SortedSet<String> files) {
        return files.stream().allMatch(this::isBuilt);
    }

    private boolean areUnbuilt(SortedSet<String> files, SortedSet<String> others) {
        return files.stream().noneMatch(this::isBuilt) && others.stream().noneMatch(this::isBuilt);
    }

    private boolean isBuilt(String file) {
        return !built.targetsOf(file).isEmpty();
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
        return named(cve.title(), step(cve));
    }

    /**
     * What a title names: another architecture, a function, a file, what changes of a module or a
     * folder, a folder.
     *
     * @param step that has the fix, where that is known and the sources were compared
     */
    private Place named(String title, Optional<SourceDifference> step) {
        Optional<String> elsewhere =
                step.flatMap(s -> titles.otherArchitecture(title, s.changed()));
        if (elsewhere.isPresent()) {
            return new Place.UnbuiltFolder(
                    new TreeSet<>(Set.of("arch/" + elsewhere.get())), elsewhere.get());
        }
        Map<String, SortedSet<String>> functions = titles.functions(title);
        NavigableSet<String> named = new TreeSet<>();
        functions.values().forEach(named::addAll);
        if (functions.isEmpty()) {
            titles.file(title).ifPresent(named::add);
        }
        NavigableSet<String> unfit = new TreeSet<>(named);
        step.ifPresent(s -> named.retainAll(s.changed()));
        Lazy<Optional<TitleNames.Changing>> changing =
                new Lazy<>(() -> step.flatMap(s -> titles.changing(title, s.changed())));
        Optional<String> joined =
                functions.isEmpty()
                        ? step.flatMap(s -> titles.joined(title, s.changed()))
                        : Optional.empty();
        Optional<Place> found =
                named.isEmpty()
                        ? joined.<Place>map(f -> new Place.Named(new TreeSet<>(Set.of(f)), f))
                                .or(() ->
                                        changing.get()
                                                .flatMap(c -> changing(c, step.orElseThrow())))
                        : functions.isEmpty()
                                ? file(title, named.first())
                                : functions(title, functions.keySet(), named);
        return found.or(() -> unbuiltFolder(title))
                .or(() ->
                        functions.isEmpty()
                                ? step.flatMap(s -> unanimous(title, s))
                                : Optional.empty())
                .orElseGet(() -> {
                    changing.get().ifPresent(c -> unfit.add(c.word()));
                    boolean isUnchanged = named.isEmpty() && changing.get().isEmpty();
                    return new Place.Unknown(why(unfit, isUnchanged, step));
                });
    }

    /**
     * Why what a title names is not taken for the fix's place.
     *
     * @param isUnchanged whether nothing of it changes in the step
     */
    private static String why(
            SortedSet<String> unfit, boolean isUnchanged, Optional<SourceDifference> step) {
        if (unfit.isEmpty()) {
            return "";
        }
        String names = String.join(", ", unfit);
        return isUnchanged
                ? "%s, which the title seems to mean, does not change %s"
                        .formatted(names, words(step.orElseThrow()))
                : names + ", which the title names, may not be what it means";
    }

    // One file, and that this kernel has none of the code, are said only of what the title names
    // beyond doubt: the first leads to a fix, and the second to none.

    private Optional<Place> functions(
            String title, Set<String> functions, SortedSet<String> files) {
        boolean fits =
                files.stream().anyMatch(this::isBuilt)
                        || files.stream().allMatch(f -> titles.isBeyondDoubt(title, functions, f));
        String names = String.join(", ", functions.stream().map(f -> f + "()").toList());
        return fits ? Optional.of(new Place.Named(files, names)) : Optional.empty();
    }

    private Optional<Place> file(String title, String file) {
        SortedSet<String> files = new TreeSet<>(Set.of(file));
        return titles.isBeyondDoubt(title, TitleNames.innermost(title), files)
                ? Optional.of(new Place.Named(files, file))
                : Optional.empty();
    }

    /**
     * Where one of several files is meant and each is built, it does not matter which; where some
     * are, whoever looks at it is told which.
     */
    private Optional<Place> changing(TitleNames.Changing changing, SourceDifference step) {
        SortedSet<String> files = changing.sources();
        if (changing.isOne()) {
            return changing.isSure()
                    ? Optional.of(new Place.Named(files, changing.word()))
                    : Optional.empty();
        }
        boolean fits =
                files.stream().anyMatch(this::isBuilt)
                        || (changing.isSure()
                                && (areUnbuilt(files, changing.others()) || files.isEmpty()));
        return fits ? Optional.of(among(changing, step)) : Optional.empty();
    }

    private static Place among(TitleNames.Changing changing, SourceDifference step) {
        return new Place.Among(changing.sources(), changing.others(), changing.word(), words(step));
    }

    /**
     * Where all that changes and has to do with the title's outermost word is built, or none of it
     * is, it does not matter which of it is meant; the latter where that word is a folder's.
     */
    private Optional<Place> unanimous(String title, SourceDifference step) {
        return titles.outermost(title, step.changed())
                .filter(all ->
                        (areBuilt(all.sources()) && areBuilt(all.others()))
                                || (all.isSure() && areUnbuilt(all.sources(), all.others())))
                .map(all -> among(all, step));
    }

    private Optional<Place> unbuiltFolder(String title) {
        return titles.folders(title).stream()
                .filter(f -> f.folders().stream().noneMatch(builtFolders::contains))
                .findFirst()
                .map(f -> new Place.UnbuiltFolder(new TreeSet<>(f.folders()), f.word()));
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
