package dev.rebootless.cli;

import dev.rebootless.release.DesiredState;
import dev.rebootless.release.publish.Catalog;
import dev.rebootless.release.publish.Publisher;
import dev.rebootless.release.publish.Release;
import java.util.List;
import java.util.Optional;

/** What {@code keys}, {@code publish}, {@code promote} and {@code withdraw} print. */
final class ReleaseDocuments {
    private ReleaseDocuments() {}

    /** {@code releases.schema.json}. */
    record Releases(int schemaVersion, List<Released> releases, List<RingState> states)
            implements Documents.Document {
        static Releases of(Catalog catalog) {
            return new Releases(
                    Documents.SCHEMA_VERSION,
                    catalog.releases().stream().map(Released::of).toList(),
                    catalog.states().stream().map(RingState::of).toList());
        }
    }

    /** One that is released. */
    record Released(String name, String kernel, String buildId, String sha256, List<String> cves) {
        static Released of(Release release) {
            return new Released(
                    release.name(),
                    release.manifest().kernel().release(),
                    release.buildId(),
                    release.module().sha256(),
                    release.manifest().cves());
        }
    }

    /** What a ring should run. */
    record RingState(
            String ring,
            String kernel,
            String buildId,
            int version,
            Optional<String> load,
            List<String> unload) {
        static RingState of(DesiredState state) {
            return new RingState(
                    state.ring(),
                    state.release(),
                    state.buildId(),
                    state.version(),
                    state.load().map(DesiredState.Load::name),
                    state.unload().stream().map(DesiredState.Unload::name).toList());
        }
    }

    /** {@code published.schema.json}. */
    record Published(int schemaVersion, boolean changed, boolean visible, List<RingState> states)
            implements Documents.Document {
        static Published of(Publisher.Result result) {
            return new Published(
                    Documents.SCHEMA_VERSION,
                    result.changed(),
                    result.visible(),
                    result.states().stream().map(RingState::of).toList());
        }
    }

    static String text(Publisher.Result result) {
        StringBuilder text = new StringBuilder();
        for (DesiredState state : result.states()) {
            text.append(line(state));
        }
        if (!result.changed()) {
            return text + "nothing changed\n";
        }
        return text
                + (result.visible()
                        ? "signed and published\n"
                        : "signed; the server publishes it with its next timestamp\n");
    }

    static String text(Catalog catalog) {
        StringBuilder text = new StringBuilder();
        for (Release release : catalog.releases()) {
            text.append(
                    "%-24s %-28s %3d CVEs  %.12s  build %.12s%n"
                            .formatted(
                                    release.name(),
                                    release.manifest().kernel().release(),
                                    release.manifest().cves().size(),
                                    release.module().sha256(),
                                    release.buildId()));
        }
        if (catalog.releases().isEmpty()) {
            text.append("nothing is released\n");
        }
        catalog.states().forEach(state -> text.append(line(state)));
        return text.toString();
    }

    private static String line(DesiredState state) {
        return "ring %-10s %-28s runs %s%s%n"
                .formatted(
                        state.ring(),
                        state.release(),
                        state.load().map(DesiredState.Load::name).orElse("no livepatch"),
                        state.unload().isEmpty()
                                ? ""
                                : ", takes out "
                                        + String.join(
                                                ", ",
                                                state.unload().stream()
                                                        .map(DesiredState.Unload::name)
                                                        .toList()));
    }
}
