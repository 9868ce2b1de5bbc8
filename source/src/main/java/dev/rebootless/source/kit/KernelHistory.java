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
        List<String> names = new ArrayList<>();
        for (String each : KernelPackages.releases(packages)) {
            KernelRelease other = new KernelRelease(each);
            if (other.line().equals(release.line()) && other.flavour().equals(release.flavour())) {
                names.add(HEADERS + each);
            }
        }
        PackageRecord newest =
                packages.versions(names).stream()
                        .filter(p -> to.isEmpty() || p.builtFrom().version().equals(to.get()))
                        .max(Comparator.comparing(p -> p.builtFrom().version()))
                        .orElseThrow(() -> notServed(release, to));
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
     * The versions of the line's source that are served, from the kit's own on, ascending.
     *
     * @param to the last
     */
    public List<DebianVersion> sources(DebianVersion to) {
        DebianVersion own = new DebianVersion(kit.facts().sourceVersion());
        TreeSet<DebianVersion> found = new TreeSet<>();
        for (PackageRecord each : packages.versions(List.of(sourceName()))) {
            DebianVersion version = each.version();
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
        List<SourceDifference> found = new ArrayList<>();
        Path unpacked = folder.resolve("differences");
        try {
            Files.createDirectories(unpacked);
            Optional<Unpacked> last = Optional.empty();
            try (KitLock _ =
                    KitLock.acquire(
                            locks.resolve("differences-" + sourceName() + ".lock"),
                            "the differences of " + sourceName(),
                            steps.progress())) {
                for (int i = 0; i + 1 < versions.size(); i++) {
                    String older = versions.get(i).text();
                    String newer = versions.get(i + 1).text();
                    Path kept = unpacked.resolve(sourceName() + "_" + older + "_" + newer);
                    Optional<SourceDifference> there = SourceDifference.kept(older, newer, kept);
                    if (there.isPresent()) {
                        found.add(there.get());
                        continue;
                    }
                    Path before = unpack(older, last, unpacked);
                    Path after = unpack(newer, last, unpacked);
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

    private Path unpack(String version, Optional<Unpacked> last, Path unpacked) throws IOException {
        if (last.isPresent() && last.get().version().equals(version)) {
            return last.get().tree();
        }
        PackageRecord source =
                packages.versions(List.of(sourceName())).stream()
                        .filter(p -> p.version().text().equals(version))
                        .findFirst()
                        .or(this::ownSource)
                        .filter(p -> p.version().text().equals(version))
                        .orElseThrow(() ->
                                RebootlessException.environment(
                                        "RBL-PACKAGE-MISSING",
                                        sourceName() + "=" + version,
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
    private Optional<PackageRecord> ownSource() {
        return kit.facts().packages().stream()
                .filter(p -> p.name().equals(sourceName()))
                .map(p ->
                        PackageRecord.kept(
                                p.name(), p.version(), p.architecture(), p.size(), p.sha256()))
                .findFirst();
    }
}
