package dev.rebootless.fleet.web;

import dev.rebootless.fleet.account.Caller;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * What a handler needs of a request.
 *
 * @param path without the query, as it was sent
 * @param parameters of the path, by name
 * @param query its parameters, by name; each at most once
 * @param headers asks for a header by name
 * @param body bounded by the route
 * @param caller of the account, where the route needs one
 * @param now when it came
 */
public record Request(
        String path,
        Map<String, String> parameters,
        Map<String, String> query,
        Headers headers,
        byte[] body,
        Optional<Caller> caller,
        Instant now) {
    /** Headers of a request. */
    @FunctionalInterface
    public interface Headers {
        /** The only value of a header. */
        Optional<String> one(String name);
    }

    /** Who calls; the route must need one. */
    public Caller account() {
        return caller.orElseThrow(() -> new IllegalStateException("the route needs no account"));
    }

    /** The body as JSON of {@code schemaVersion} 1. */
    public Fields json() {
        return Json.read(body, path);
    }

    /** A parameter of the path. */
    public String parameter(String name) {
        return Optional.ofNullable(parameters.get(name))
                .orElseThrow(() -> new IllegalStateException("the route has no " + name));
    }
}
