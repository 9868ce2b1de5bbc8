package dev.rebootless.fleet.web;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import java.time.Duration;
import java.util.Optional;

/** A request that is not answered with what it asks for (docs/contract-fleet.md, "Messages"). */
public final class HttpFault extends RebootlessException {
    private final Status httpStatus;
    private final transient Optional<Duration> retryAfter;

    /** What a failure means, as HTTP and as the exit status of the command that asked. */
    public enum Status {
        NOT_UNDERSTOOD(400, ExitStatus.USAGE),
        NOT_AUTHENTIC(401, ExitStatus.KERNEL_SAID_NO),
        NOT_ALLOWED(403, ExitStatus.KERNEL_SAID_NO),
        UNKNOWN(404, ExitStatus.KERNEL_SAID_NO),
        /** The path is known, the method is not. */
        NO_SUCH_METHOD(405, ExitStatus.USAGE),
        TOO_SLOW(408, ExitStatus.ENVIRONMENT),
        CONTRADICTION(409, ExitStatus.KERNEL_SAID_NO),
        TOO_LARGE(413, ExitStatus.USAGE),
        TOO_MANY(429, ExitStatus.ENVIRONMENT),
        /** A fault of ours. */
        FAULT(500, ExitStatus.INTERNAL),
        NOT_NOW(503, ExitStatus.ENVIRONMENT);

        private final int code;
        private final ExitStatus exit;

        Status(int code, ExitStatus exit) {
            this.code = code;
            this.exit = exit;
        }

        /** The number of HTTP (RFC 9110, section 15). */
        public int code() {
            return code;
        }

        /** For the document. */
        public ExitStatus exit() {
            return exit;
        }
    }

    /** A request that fails. */
    public HttpFault(Status status, Problem problem) {
        this(status, problem, Optional.empty());
    }

    private HttpFault(Status status, Problem problem, Optional<Duration> retryAfter) {
        super(status.exit(), problem);
        this.httpStatus = status;
        this.retryAfter = retryAfter;
    }

    /** What was sent is not what the contract says. */
    public static HttpFault notUnderstood(String place, String message) {
        return new HttpFault(
                Status.NOT_UNDERSTOOD,
                new Problem(
                        "RBL-FLEET-REQUEST",
                        place,
                        message,
                        "send what docs/contract-fleet.md or docs/schema/fleet-api.openapi.yaml says"));
    }

    /** There is nothing of that name. */
    public static HttpFault unknown(String place, String message) {
        return new HttpFault(
                Status.UNKNOWN,
                new Problem(
                        "RBL-FLEET-UNKNOWN", place, message, "see whether the address is right"));
    }

    /** It will be possible soon. */
    public static HttpFault notNow(String code, String message, Duration wait) {
        return new HttpFault(
                Status.NOT_NOW,
                new Problem(
                        code, "", message, "send it again after " + wait.toSeconds() + " seconds"),
                Optional.of(wait));
    }

    /** What HTTP says of it. */
    public Status httpStatus() {
        return httpStatus;
    }

    /** How long to wait before it is tried again. */
    public Optional<Duration> retryAfter() {
        return retryAfter;
    }
}
