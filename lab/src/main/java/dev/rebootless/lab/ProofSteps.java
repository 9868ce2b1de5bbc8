package dev.rebootless.lab;

import dev.rebootless.manifest.ProofStep;
import java.nio.file.Path;
import java.util.Optional;

/** What a guest reported, as the steps of the proof. */
final class ProofSteps {
    private ProofSteps() {}

    /** The step that a message ends; empty for one that took no time. */
    static Optional<ProofStep> of(GuestMessage message, ProofRequest request) {
        return switch (message) {
            case GuestMessage.Check check ->
                    step(
                            "check",
                            check.result().phase(),
                            check.result().succeeded(),
                            check.result().seconds());
            case GuestMessage.Load load ->
                    step("load", file(load, request), load.status() == 0, load.seconds());
            case GuestMessage.Transition transition ->
                    step(
                            action(transition.direction()),
                            "",
                            transition.done(),
                            transition.seconds());
            case GuestMessage.Insert insert ->
                    step("insert", insert.file(), insert.status() == 0, insert.seconds());
            case GuestMessage.Remove remove ->
                    step("remove", remove.module(), remove.status() == 0, remove.seconds());
            case GuestMessage.Release release ->
                    step("remove", release.name(), release.status() == 0, release.seconds());
            case GuestMessage.Unload unload ->
                    step("unload", "", unload.status() == 0, unload.seconds());
            case GuestMessage.Ready _,
                    GuestMessage.Livepatch _,
                    GuestMessage.Lagging _,
                    GuestMessage.Earlier _,
                    GuestMessage.Function _,
                    GuestMessage.Taints _,
                    GuestMessage.StageBegins _,
                    GuestMessage.End _ ->
                    Optional.empty();
        };
    }

    private static String action(GuestMessage.Direction direction) {
        return switch (direction) {
            case EARLIER, ENABLE -> "enable";
            case DISABLE -> "disable";
            case REVERSE -> "reverse";
        };
    }

    /** Whether it is the livepatch to prove, and not one of those to be loaded before it. */
    static boolean isTheModule(GuestMessage.Load load, ProofRequest request) {
        return request.module().isPresent() && load.index() == request.earlierModules().size();
    }

    private static String file(GuestMessage.Load load, ProofRequest request) {
        Optional<Path> file =
                isTheModule(load, request)
                        ? request.module()
                        : request.earlierModules().stream().skip(load.index()).findFirst();
        return file.map(path -> String.valueOf(path.getFileName())).orElse("");
    }

    private static Optional<ProofStep> step(
            String action, String what, boolean done, double seconds) {
        return Optional.of(new ProofStep(action, what, done, seconds));
    }
}
