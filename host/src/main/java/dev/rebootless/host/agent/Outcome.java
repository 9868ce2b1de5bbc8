package dev.rebootless.host.agent;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Printable;
import dev.rebootless.base.Problem;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What came of an order ({@code outcome.json}, which root writes and the network side reads).
 *
 * @param order its id
 * @param step that was to be done
 * @param result in one word of the contract
 * @param exitStatus of the command that did it
 * @param transitionSeconds until all tasks ran the new code
 */
record Outcome(
        String order,
        Optional<Step> step,
        Result result,
        int exitStatus,
        List<Problem> problems,
        Optional<Double> transitionSeconds) {
    static final String FILE = "outcome.json";

    /** The contract's bound of a message is 16 KiB; problems get the larger part. */
    private static final int MAX_PROBLEMS_BYTES = 12 << 10;

    private static final int MAX_TEXT = 1_000;
    private static final int MAX_PROBLEMS = 8;
    private static final Pattern RESULT = Pattern.compile("done|refused|failed|reversed");
    private static final Pattern CODE = Pattern.compile("RBL-[A-Z0-9-]{1,60}");

    Outcome {
        problems = bounded(problems);
    }

    /** What came of it. */
    enum Result {
        DONE,
        REFUSED,
        FAILED,
        REVERSED;

        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** It is in force, or out of it. */
    static Outcome done(Order order, Optional<Double> seconds, List<Problem> problems) {
        return new Outcome(
                order.id(),
                order.step(),
                Result.DONE,
                problems.isEmpty() ? 0 : ExitStatus.ENVIRONMENT.code(),
                problems,
                seconds);
    }

    /** It was not done. */
    static Outcome not(Order order, Result result, ExitStatus status, List<Problem> problems) {
        return new Outcome(
                order.id(), order.step(), result, status.code(), problems, Optional.empty());
    }

    private static List<Problem> bounded(List<Problem> problems) {
        List<Problem> some = new ArrayList<>();
        int bytes = 0;
        for (Problem each : problems) {
            Problem shorter =
                    new Problem(
                            each.code(),
                            cut(each.place()),
                            cut(each.message()),
                            cut(each.remedy()));
            bytes +=
                    AgentJson.text(Map.of("p", AgentJson.problems(List.of(shorter))))
                            .getBytes(StandardCharsets.UTF_8)
                            .length;
            if (some.size() == MAX_PROBLEMS || (!some.isEmpty() && bytes > MAX_PROBLEMS_BYTES)) {
                break;
            }
            some.add(shorter);
        }
        return List.copyOf(some);
    }

    private static String cut(String text) {
        String clean = Printable.text(text);
        return clean.length() <= MAX_TEXT ? clean : clean.substring(0, MAX_TEXT) + "…";
    }

    /** The fields that the server gets. */
    AgentJson message() {
        return AgentJson.document()
                .put("outcome", result.word())
                .put("exitStatus", exitStatus)
                .put("problems", AgentJson.problems(problems))
                .put("transitionSeconds", transitionSeconds.orElse(null));
    }

    /** As it is kept. */
    AgentJson json() {
        return message()
                .put("id", order)
                .put("action", step.map(s -> s.action().word()).orElse(null))
                .put("livepatch", step.map(Step::livepatch).orElse(null))
                .put("sha256", step.map(Step::sha256).orElse(null));
    }

    /** The last one, if any. */
    static Optional<Outcome> in(AgentFolder folder) {
        return folder.document(FILE).map(Outcome::of);
    }

    private static Outcome of(Answer file) {
        file.requireVersion();
        Optional<Step> step =
                file.optional("action", Step.ACTION)
                        .map(word ->
                                new Step(
                                        Step.Action.of(word),
                                        file.text("livepatch", Step.MODULE),
                                        file.text("sha256", Answer.SHA256)));
        Optional<Double> seconds =
                file.fields().get("transitionSeconds") instanceof Number number
                        ? Optional.of(number.doubleValue())
                        : Optional.empty();
        return new Outcome(
                file.text("id", Answer.UUID),
                step,
                Result.valueOf(file.text("outcome", RESULT).toUpperCase(Locale.ROOT)),
                (int) file.number("exitStatus"),
                problems(file),
                seconds);
    }

    private static List<Problem> problems(Answer file) {
        List<Problem> problems = new ArrayList<>();
        if (file.fields().get("problems") instanceof List<?> list) {
            for (Object each : list) {
                if (each instanceof Map<?, ?> fields
                        && fields.get("code") instanceof String code
                        && CODE.matcher(code).matches()
                        && fields.get("place") instanceof String place
                        && fields.get("message") instanceof String message
                        && fields.get("remedy") instanceof String remedy
                        && !remedy.isBlank()) {
                    problems.add(new Problem(code, place, message, remedy));
                }
            }
        }
        return problems;
    }
}
