package dev.rebootless.build.exposure;

import dev.rebootless.base.Progress;
import dev.rebootless.cve.Exposure;
import dev.rebootless.cve.KnownCve;
import dev.rebootless.source.compile.BuiltCode;
import dev.rebootless.source.history.SourceIndex;
import dev.rebootless.source.kit.Kit;
import java.util.HashSet;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
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

    /**
     * @param loaded the modules that are loaded on the host; empty where that is not known: then
     *     each may be
     */
    public ExposedCves(Kit kit, Optional<Set<String>> loaded, Progress progress) {
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
                    case Place.UnbuiltFolder _, Place.OtherArchitecture _ -> true;
                    case Place.Unknown _ -> false;
                };
        Exposure exposure =
                !isKnown
                        ? Exposure.UNKNOWN
                        : targets.isEmpty()
                                ? Exposure.NOT_BUILT
                                : isLoaded(targets) ? Exposure.EXPOSED : Exposure.NOT_LOADED;
        return new CveRow(cve, place, targets, exposure);
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
        Map<String, SortedSet<String>> functions = titles.functions(cve.title());
        if (!functions.isEmpty()) {
            NavigableSet<String> files = new TreeSet<>();
            functions.values().forEach(files::addAll);
            return new Place.Named(
                    files,
                    String.join(", ", functions.keySet().stream().map(f -> f + "()").toList()));
        }
        Optional<String> file = titles.file(cve.title());
        if (file.isPresent()) {
            return new Place.Named(new TreeSet<>(Set.of(file.get())), file.get());
        }
        for (TitleNames.Folders folders : titles.folders(cve.title())) {
            if (folders.folders().stream().noneMatch(builtFolders::contains)) {
                return new Place.UnbuiltFolder(new TreeSet<>(folders.folders()), folders.word());
            }
        }
        return new Place.Unknown();
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
