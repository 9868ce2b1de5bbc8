package dev.rebootless.release.publish;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.release.DesiredState;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A release that is taken back.
 *
 * @param name of the release
 * @param kernel a kernel release or build id; empty for all builds that the name is released for
 * @param instead the release that the rings should run instead; empty for none
 */
public record Withdrawal(String name, Optional<String> kernel, Optional<String> instead) {
    List<Release> releases(Catalog catalog) {
        return catalog.require(name, kernel);
    }

    /**
     * The states that this changes: those of all rings. One that should run another by now may have
     * hosts whose turn has not come, which still have it.
     */
    List<DesiredState> states(Catalog catalog) {
        List<DesiredState> changed = new ArrayList<>();
        for (Release release : releases(catalog)) {
            Optional<Release> other = instead.map(i -> other(catalog, release, i));
            for (DesiredState state : catalog.states()) {
                if (state.buildId().equals(release.buildId())) {
                    changed.add(without(state, release, other));
                }
            }
        }
        return changed;
    }

    private static Release other(Catalog catalog, Release release, String instead) {
        if (instead.equals(release.name())) {
            throw RebootlessException.usage(
                    "RBL-USAGE",
                    instead,
                    "is the release that is to be withdrawn",
                    "name another with --instead, or none");
        }
        return catalog.require(instead, Optional.of(release.buildId())).getFirst();
    }

    private static DesiredState without(
            DesiredState state, Release release, Optional<Release> other) {
        String sha256 = release.module().sha256();
        boolean wanted = state.load().filter(l -> l.sha256().equals(sha256)).isPresent();
        List<DesiredState.Unload> unload =
                new ArrayList<>(
                        state.unload().stream()
                                .filter(u ->
                                        other.filter(o -> o.module().sha256().equals(u.sha256()))
                                                .isEmpty())
                                .toList());
        unload.add(new DesiredState.Unload(release.manifest().module(), sha256));
        // What was withdrawn that long ago runs nowhere any more, or on hosts that nobody hears of.
        int surplus = Math.max(0, unload.size() - DesiredState.MAX_ENTRIES);
        return new DesiredState(
                state.buildId(),
                state.release(),
                state.ring(),
                state.version() + 1,
                wanted ? other.map(Release::load) : state.load(),
                unload.subList(surplus, unload.size()),
                state.reversible().stream().filter(r -> !r.sha256().equals(sha256)).toList());
    }
}
