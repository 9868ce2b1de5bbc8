package dev.rebootless.source.kit;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.DebianVersion;
import dev.rebootless.source.history.SourceDifference;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/**
 * What was packaged after a kit's kernel: the changelog of the newest package of its line, and the
 * sources in between. Got through {@link Kits#history}.
 */
public final class KernelHistory {
    private static final String HEADERS = "linux-headers-";
    private static final String SOURCE = "linux-source-";

    private final Kit kit;
    private final PackageSource packages;
    private final PackageCache cache;
    private final Path folder;
    private final Path locks;
    private final Steps steps;

    /**
     * @param folder of the cache, for changelogs and differences
     */
    KernelHistory(
            Kit kit,
            PackageSource packages,
            PackageCache cache,
            Path folder,
            Path locks,
            Steps steps) {
        this.kit = kit;
        this.packages = packages;
        this.cache = cache;
        this.folder = folder;
        this.locks = locks;
        this.steps = steps;
    }

    /**
     * A changelog as it stands in a package.
     *
     * @param place the package, for messages
     */
    public record ChangelogText(String text, String place) {}

    /**
     * The changelog of the newest kernel package of the kit's line and flavour, or of a version of
     * it.
     *
     * @param to that version; must be served
     * @throws RebootlessException exit status 5: {@code RBL-KERNEL-UNKNOWN} when no such package is
     *     served, and as {@link Kits#add}
     */
    public ChangelogText changelog(Optional<DebianVersion> to) {
        KernelRelease release = new KernelRelease(kit.facts().release());
        return changelog(
                newestHeaders(release.line(), release.flavour(), to)
                        .orElseThrow(() -> notServed(release, to)));
    }

    private Optional<PackageRecord> newestHeaders(
            String line, String flavour, Optional<DebianVersion> to) {
        List<String> names = new ArrayList<>();
        for (String each : KernelPackages.releases(packages)) {
            KernelRelease other = new KernelRelease(each);
            if (other.line().equals(line) && other.flavour().equals(flavour)) {
                names.add(HEADERS + each);
            }
        }
        return packages.versions(names).stream()
                .filter(p -> to.isEmpty() || p.builtFrom().version().equals(to.get()))
                .max(Comparator.comparing(p -> p.builtFrom().version()));
    }

    private ChangelogText changelog(PackageRecord newest) {
        Path text = folder.resolve("changelogs").resolve(newest.sha256());
        try {
            if (!Files.isRegularFile(text)) {
                Path deb = cache.obtain(newest, packages);
                Files.createDirectories(text.resolveSibling("."));
                Path aside = Files.createTempDirectory(text.getParent(), ".changelog-");
                try {
                    Unpacker.changelog(deb, aside);
                    AtomicFiles.write(text, Files.readAllBytes(aside.resolve("changelog")));
                } finally {
                    AtomicFiles.removeTreeQuietly(aside);
                }
            }
            return new ChangelogText(Files.readString(text, StandardCharsets.UTF_8), newest.spec());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private RebootlessException notServed(KernelRelease release, Optional<DebianVersion> to) {
        return RebootlessException.environment(
                "RBL-KERNEL-UNKNOWN",
                release.line() + " " + release.flavour() + to.map(v -> " " + v).orElse(""),
                packages.describe() + " has no headers package of it, whose changelog would tell",
                "run `apt-get update`, or leave --to out");
    }

    /**
     * What another line of kernels got in the same time.
     *
     * @param changelog of its newest package
     * @param differences of the neighbouring versions of its source that are served
     */
    public record OtherLine(
            String line, ChangelogText changelog, List<SourceDifference> differences) {
        public OtherLine {
            differences = List.copyOf(differences);
        }
    }

    /**
     * The lines, other than the kit's, whose kernels of the same flavour and several versions of
     * whose source are served, sorted.
     */
    public List<String> otherLines() {
        KernelRelease own = new KernelRelease(kit.facts().release());
        TreeSet<String> lines = new TreeSet<>();
        for (String each : KernelPackages.releases(packages)) {
            KernelRelease other = new KernelRelease(each);
            if (!other.line().equals(own.line()) && other.flavour().equals(own.flavour())) {
                lines.add(other.line());
            }
        }
        return lines.stream().filter(line -> served(SOURCE + line).size() > 1).toList();
    }

    /**
     * Another line, with all that is served of its source. What is not in the cache yet is some 150
     * MB and half a minute for each version.
     *
     * @param line one of {@link #otherLines}
     * @throws RebootlessException exit status 5 as {@link #differences}
     */
    public OtherLine otherLine(String line) {
        String flavour = new KernelRelease(kit.facts().release()).flavour();
        PackageRecord newest =
                newestHeaders(line, flavour, Optional.empty())
                        .orElseThrow(() ->
                                RebootlessException.environment(
                                        "RBL-KERNEL-UNKNOWN",
                                        line + " " + flavour,
                                        packages.describe() + " has no headers package of it",
                                        "name another line, or none"));
        String name = SOURCE + line;
        return new OtherLine(
                line,
                changelog(newest),
                differences(name, List.copyOf(new TreeSet<>(served(name)))));
    }

    /** Whether all that {@link #otherLine} gives is there without a comparison. */
    public boolean isCompared(String line) {
        String name = SOURCE + line;
        return kept(name, List.copyOf(new TreeSet<>(served(name)))).isPresent();
    }

    private Path difference(String name, String older, String newer) {
        return folder.resolve("differences").resolve(name + "_" + older + "_" + newer);
    }

    private List<DebianVersion> served(String name) {
        return packages.versions(List.of(name)).stream().map(PackageRecord::version).toList();
    }

    /**
     * The versions of the line's source that are served, from the kit's own on, ascending.
     *
     * @param to the last
     */
    public List<DebianVersion> sources(DebianVersion to) {
        DebianVersion own = new DebianVersion(kit.facts().sourceVersion());
        TreeSet<DebianVersion> found = new TreeSet<>();
        for (DebianVersion version : served(sourceName())) {
            if (version.compareTo(own) > 0 && version.compareTo(to) <= 0) {
                found.add(version);
            }
        }
        List<DebianVersion> all = new ArrayList<>(List.of(own));
        all.addAll(found);
        return List.copyOf(all);
    }

    private String sourceName() {
        return SOURCE + new KernelRelease(kit.facts().release()).line();
    }

    /**
     * The differences of neighbouring versions, in order. What was compared before is not compared
     * again; a comparison takes 20 to 30 s, and 1.5 GB while it lasts.
     *
     * @param versions at least one, ascending, as {@link #sources} gives them
     * @throws RebootlessException exit status 5 as {@link Kits#add}, when a version cannot be had
     *     (any more)
     */
    public List<SourceDifference> differences(List<DebianVersion> versions) {
        return differences(sourceName(), versions);
    }

    /** The same, if all of them were compared before; nothing is got. */
    public Optional<List<SourceDifference>> kept(List<DebianVersion> versions) {
        return kept(sourceName(), versions);
    }

    private Optional<List<SourceDifference>> kept(String name, List<DebianVersion> versions) {
        List<SourceDifference> found = new ArrayList<>();
        for (int i = 0; i + 1 < versions.size(); i++) {
            String older = versions.get(i).text();
            String newer = versions.get(i + 1).text();
            Optional<SourceDifference> one =
                    SourceDifference.kept(older, newer, difference(name, older, newer));
            if (one.isEmpty()) {
                return Optional.empty();
            }
            found.add(one.get());
        }
        return Optional.of(List.copyOf(found));
    }

    private List<SourceDifference> differences(String name, List<DebianVersion> versions) {
        List<SourceDifference> found = new ArrayList<>();
        Path unpacked = folder.resolve("differences");
        try {
            Files.createDirectories(unpacked);
            Optional<Unpacked> last = Optional.empty();
            try (KitLock _ =
                    KitLock.acquire(
                            locks.resolve("differences-" + name + ".lock"),
                            "the differences of " + name,
                            steps.progress())) {
                for (int i = 0; i + 1 < versions.size(); i++) {
                    String older = versions.get(i).text();
                    String newer = versions.get(i + 1).text();
                    Path kept = difference(name, older, newer);
                    Optional<SourceDifference> there = SourceDifference.kept(older, newer, kept);
                    if (there.isPresent()) {
                        found.add(there.get());
                        continue;
                    }
                    Path before = unpack(name, older, last, unpacked);
                    Path after = unpack(name, newer, last, unpacked);
                    found.add(
                            steps.timed(
                                    "comparing " + older + " with " + newer,
                                    () -> SourceDifference.of(older, before, newer, after, kept)));
                    last.ifPresent(l -> AtomicFiles.removeTreeQuietly(l.tree()));
                    if (last.isEmpty() || !last.get().version().equals(older)) {
                        AtomicFiles.removeTreeQuietly(before);
                    }
                    last = Optional.of(new Unpacked(newer, after));
                }
            } finally {
                last.ifPresent(l -> AtomicFiles.removeTreeQuietly(l.tree()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return List.copyOf(found);
    }

    private record Unpacked(String version, Path tree) {}

    private Path unpack(String name, String version, Optional<Unpacked> last, Path unpacked)
            throws IOException {
        if (last.isPresent() && last.get().version().equals(version)) {
            return last.get().tree();
        }
        PackageRecord source =
                packages.versions(List.of(name)).stream()
                        .filter(p -> p.version().text().equals(version))
                        .findFirst()
                        .or(() -> ownSource(name))
                        .filter(p -> p.version().text().equals(version))
                        .orElseThrow(() ->
                                RebootlessException.environment(
                                        "RBL-PACKAGE-MISSING",
                                        name + "=" + version,
                                        packages.describe() + " does not have it any more",
                                        "run `apt-get update` and try again; where the archive has dropped it, fixes"
                                                + " before it can be given with --patch"));
        Path deb = cache.obtain(source, packages);
        Path tree = unpacked.resolve(".tree-" + version + ".tmp");
        AtomicFiles.removeTree(tree);
        Files.createDirectories(tree);
        steps.run("unpacking " + source.spec(), () -> Unpacker.source(deb, tree));
        return tree;
    }

    /** The kit's own source package, which the archive may have dropped, but the cache has. */
    private Optional<PackageRecord> ownSource(String name) {
        return kit.facts().packages().stream()
                .filter(p -> p.name().equals(name))
                .map(p ->
                        PackageRecord.kept(
                                p.name(), p.version(), p.architecture(), p.size(), p.sha256()))
                .findFirst();
    }
}
