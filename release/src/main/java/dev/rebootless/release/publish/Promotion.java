package dev.rebootless.release.publish;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.Regression;
import dev.rebootless.release.DesiredState;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/**
 * A livepatch that rings should run from now on.
 *
 * @param name of the release
 * @param kernel a kernel release or build id; empty for all builds that the name is released for
 * @param rings at least one
 * @param reversible for how long a server may have it taken out of these rings; zero for not at all
 * @param allowRegression whether it may lack what the ring should run now
 */
public record Promotion(
        String name,
        Optional<String> kernel,
        List<String> rings,
        Duration reversible,
        boolean allowRegression) {
    public Promotion {
        rings = List.copyOf(rings);
        rings.forEach(DesiredState::requireRing);
    }

    /** The states that this changes. */
    List<DesiredState> states(Catalog catalog, Instant now) {
        List<DesiredState> changed = new ArrayList<>();
        for (Release release : catalog.require(name, kernel)) {
            for (String ring : rings) {
                Optional<DesiredState> before = catalog.state(release.buildId(), ring);
                before.flatMap(DesiredState::load)
                        .ifPresent(load -> requireNoLoss(catalog, release, ring, load));
                DesiredState next = next(release, ring, before, now);
                if (before.filter(b -> isSame(b, next)).isEmpty()) {
                    changed.add(next);
                }
            }
        }
        return changed;
    }

    private DesiredState next(
            Release release, String ring, Optional<DesiredState> before, Instant now) {
        String sha256 = release.module().sha256();
        List<DesiredState.Reversible> consent =
                reversible.isZero()
                        ? List.of()
                        : List.of(
                                new DesiredState.Reversible(
                                        sha256,
                                        Instant.ofEpochSecond(
                                                now.plus(reversible).getEpochSecond())));
        return new DesiredState(
                release.buildId(),
                release.manifest().kernel().release(),
                ring,
                before.map(b -> b.version() + 1).orElse(1),
                Optional.of(release.load()),
                before.map(DesiredState::unload).orElse(List.of()).stream()
                        .filter(u -> !u.sha256().equals(sha256))
                        .toList(),
                consent);
    }

    /** Whether nothing but the version differs; a consent that is given again is new. */
    private static boolean isSame(DesiredState before, DesiredState next) {
        return before.load().equals(next.load())
                && before.unload().equals(next.unload())
                && before.reversible().equals(next.reversible());
    }

    private void requireNoLoss(
            Catalog catalog, Release release, String ring, DesiredState.Load before) {
        if (allowRegression || before.sha256().equals(release.module().sha256())) {
            return;
        }
        Regression lost =
                catalog.release(before.sha256())
                        .map(r -> Regression.between(r.manifest(), release.manifest()))
                        .orElseGet(() -> lostCves(release, before));
        if (!lost.isNone()) {
            throw RebootlessException.refused(
                    "RBL-PROMOTE-REGRESSION",
                    ring,
                    before.name() + " would be replaced by one that lacks " + lost.text(),
                    "build one livepatch of all the patches, or say --allow-regression");
        }
    }

    /** Of one that was withdrawn no manifest is left. */
    private static Regression lostCves(Release release, DesiredState.Load before) {
        TreeSet<String> cves = new TreeSet<>(before.cves());
        release.manifest().cves().forEach(cves::remove);
        return new Regression(cves, new TreeSet<>());
    }
}
