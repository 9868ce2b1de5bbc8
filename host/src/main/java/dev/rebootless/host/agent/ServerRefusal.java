package dev.rebootless.host.agent;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The server understood, and said no (exit status 7), with its own problems where it gave some. */
final class ServerRefusal extends RebootlessException {
    private static final int MAX_PROBLEMS = 8;
    private static final int MAX_TEXT = 1_000;

    private final int httpStatus;

    private ServerRefusal(int httpStatus, List<Problem> problems) {
        super(ExitStatus.KERNEL_SAID_NO, problems);
        this.httpStatus = httpStatus;
    }

    /** Of an answer with a status that is none of success. */
    static ServerRefusal of(String path, int httpStatus, Map<String, Object> document) {
        List<Problem> problems = new ArrayList<>();
        if (document.get("problems") instanceof List<?> said) {
            for (Object each : said.stream().limit(MAX_PROBLEMS).toList()) {
                if (each instanceof Map<?, ?> fields) {
                    String code = text(fields, "code");
                    problems.add(
                            new Problem(
                                    code.matches("RBL-[A-Z0-9-]{1,60}") ? code : "RBL-AGENT-SERVER",
                                    text(fields, "place"),
                                    text(fields, "message"),
                                    remedy(text(fields, "remedy"))));
                }
            }
        }
        if (problems.isEmpty()) {
            problems.add(
                    new Problem(
                            "RBL-AGENT-SERVER",
                            path,
                            "the server answers with the status " + httpStatus,
                            "see the server's log"));
        }
        return new ServerRefusal(httpStatus, problems);
    }

    private static String remedy(String text) {
        return text.isBlank() ? "see the server's log" : text;
    }

    private static String text(Map<?, ?> fields, String name) {
        return fields.get(name) instanceof String text
                ? text.substring(0, Math.min(text.length(), MAX_TEXT))
                : "";
    }

    /** The HTTP status of the answer. */
    int httpStatus() {
        return httpStatus;
    }

    /** Whether the first problem has a code. */
    boolean has(String code) {
        return problems().getFirst().code().equals(code);
    }
}
