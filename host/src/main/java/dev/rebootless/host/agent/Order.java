package dev.rebootless.host.agent;

import java.time.Instant;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What the network side leaves for the side with rights ({@code order.json}): that a server has
 * allowed it, and where to look. What it says is done only if the signed state says the same.
 *
 * @param id the attempt's, or one of its own where only files are to be seen to
 * @param ring whose state is to be looked at
 * @param step to be done, if any
 * @param buildId of the kernel that this was decided for
 * @param until from then on it is too late
 */
record Order(String id, String ring, Optional<Step> step, String buildId, Instant until) {
    static final String FILE = "order.json";
    private static final Pattern BUILD = Pattern.compile("(?:[0-9a-f]{2}){1,20}");

    AgentJson json() {
        return AgentJson.document()
                .put("id", id)
                .put("ring", ring)
                .put("action", step.map(s -> s.action().word()).orElse(null))
                .put("livepatch", step.map(Step::livepatch).orElse(null))
                .put("sha256", step.map(Step::sha256).orElse(null))
                .put("buildId", buildId)
                .put("until", until.toString());
    }

    /** Reads one. */
    static Order of(Answer file) {
        file.requireVersion();
        Optional<String> action = file.optional("action", Step.ACTION);
        return new Order(
                file.text("id", Answer.UUID),
                file.text("ring", Standing.RING),
                action.map(word ->
                        new Step(
                                Step.Action.of(word),
                                file.text("livepatch", Step.MODULE),
                                file.text("sha256", Answer.SHA256))),
                file.text("buildId", BUILD),
                file.moment("until"));
    }

    /** For people. */
    String text() {
        return step.map(Step::text).orElse("see to what is installed");
    }
}
