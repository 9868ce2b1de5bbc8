package dev.rebootless.host.agent;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The fields of a document that may be anybody's: a server's answer, or a file that was left for
 * the other side of the agent. Each reader throws, as the origin says, where a field is not what it
 * should be.
 *
 * @param place of the document, for messages
 */
record Answer(String place, Map<String, Object> fields, Origin origin) {
    /** Whose document it is, and so what it means that it is damaged. */
    enum Origin {
        /** The server's. */
        SERVER(
                "RBL-AGENT-ANSWER",
                ExitStatus.KERNEL_SAID_NO,
                "see that agent and server are of versions that fit together"),
        /** This side's own, or root's, which both read. */
        OWN(
                "RBL-AGENT-STORE",
                ExitStatus.ENVIRONMENT,
                "see what happened to the disk; then as docs/howto-agent.md says"),
        /** The network side's, read by the side with rights. */
        ORDER(
                "RBL-AGENT-ORDER",
                ExitStatus.REFUSED,
                "nothing was touched; the next report makes another");

        private final String code;
        private final ExitStatus status;
        private final String remedy;

        Origin(String code, ExitStatus status, String remedy) {
            this.code = code;
            this.status = status;
            this.remedy = remedy;
        }
    }

    /** RFC 9562, in lower case. */
    static final Pattern UUID =
            Pattern.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");

    static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    /** The largest whole number that every reader of JSON gets exactly. */
    static final long MAX_NUMBER = 1L << 53;

    RebootlessException bad(String field, String why) {
        return new RebootlessException(
                origin.status,
                new Problem(origin.code, place, "its field " + field + " " + why, origin.remedy));
    }

    private Object field(String name) {
        @Nullable Object value = fields.get(name);
        if (value == null) {
            throw bad(name, "is missing");
        }
        return value;
    }

    /** Makes sure that this is a document of the version that is read here. */
    Answer requireVersion() {
        if (number("schemaVersion") != AgentJson.SCHEMA_VERSION) {
            throw bad("schemaVersion", "is not " + AgentJson.SCHEMA_VERSION);
        }
        return this;
    }

    boolean has(String name) {
        return fields.get(name) != null;
    }

    /** A text of a form. */
    String text(String name, Pattern form) {
        if (field(name) instanceof String text && form.matcher(text).matches()) {
            return text;
        }
        throw bad(name, "is not of its form");
    }

    /** The same, where it may be null. */
    Optional<String> optional(String name, Pattern form) {
        return has(name) ? Optional.of(text(name, form)) : Optional.empty();
    }

    /** A whole number from 0 on that every reader gets exactly. */
    long number(String name) {
        if (field(name) instanceof Number number) {
            double value = number.doubleValue();
            if (value >= 0 && value <= MAX_NUMBER && value == Math.rint(value)) {
                return (long) value;
            }
        }
        throw bad(name, "is no whole number");
    }

    boolean flag(String name) {
        if (field(name) instanceof Boolean flag) {
            return flag;
        }
        throw bad(name, "is neither true nor false");
    }

    /** A moment in UTC (ISO 8601). */
    Instant moment(String name) {
        try {
            if (field(name) instanceof String text) {
                return Instant.parse(text);
            }
        } catch (DateTimeException e) {
            // As it is said.
        }
        throw bad(name, "is no moment");
    }
}
