package dev.rebootless.fleet.web;

/**
 * One way to ask the server something.
 *
 * @param method of HTTP
 * @param path with parameters in braces; {@code {+name}} takes the rest of the path
 * @param access who may
 * @param largestBody in bytes
 * @param handler what is done
 */
public record Route(String method, String path, Access access, int largestBody, Handler handler) {
    /** All but reports (docs/contract-fleet.md, "Messages"). */
    public static final int ORDINARY_BODY = 16 << 10;

    /** Answers requests. */
    @FunctionalInterface
    public interface Handler {
        /** Answers one; whatever it throws becomes the document of a failure. */
        Answer handle(Request request);
    }

    /** Without a body. */
    public static Route get(String path, Access access, Handler handler) {
        return new Route("GET", path, access, 0, handler);
    }

    /** With an ordinary body. */
    public static Route post(String path, Access access, Handler handler) {
        return new Route("POST", path, access, ORDINARY_BODY, handler);
    }

    /** With an ordinary body. */
    public static Route put(String path, Access access, Handler handler) {
        return new Route("PUT", path, access, ORDINARY_BODY, handler);
    }

    /** Without a body. */
    public static Route delete(String path, Access access, Handler handler) {
        return new Route("DELETE", path, access, 0, handler);
    }
}
