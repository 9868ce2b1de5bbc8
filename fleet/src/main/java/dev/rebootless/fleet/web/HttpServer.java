package dev.rebootless.fleet.web;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.fleet.account.Accounts;
import dev.rebootless.fleet.account.Caller;
import dev.rebootless.fleet.store.Database;
import io.helidon.common.socket.SocketOptions;
import io.helidon.common.tls.Tls;
import io.helidon.http.DirectHandler;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.http.Method;
import io.helidon.http.Status;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.DirectHandlers;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.helidon.webserver.http1.Http1Config;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers requests over TLS, by a table of routes and no other way. */
public final class HttpServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HttpServer.class);

    /**
     * Each holds some 70 KiB for TLS; together a quarter of the heap that the server is made for.
     */
    private static final int MOST_CONNECTIONS = 2_000;

    private static final int BACKLOG = 4_096;
    private static final Duration READ_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration IDLE_TIMEOUT = Duration.ofSeconds(60);
    private static final Duration RETRY_AFTER = Duration.ofSeconds(5);
    private static final int HEADER_BYTES = 8 << 10;

    /** A client that takes less is not waited for. */
    private static final int SLOWEST_BYTES_PER_SECOND = 4 << 10;

    private static final Duration WARN_EVERY = Duration.ofSeconds(10);
    private static final String BEARER = "Bearer ";

    private final WebServer server;
    private final Deadlines deadlines = new Deadlines();
    private final Bodies bodies = new Bodies(deadlines);
    private final Accounts accounts;
    private final Metrics metrics;
    private final Clock clock;
    private final AtomicLong warned = new AtomicLong(System.nanoTime() - WARN_EVERY.toNanos());

    /**
     * Where it listens.
     *
     * @param host a name or address
     * @param port 0 for any that is free
     */
    public record Listen(String host, int port) {}

    /** Starts answering. */
    public HttpServer(
            Listen listen,
            ServerCertificate certificate,
            List<Route> routes,
            Accounts accounts,
            Metrics metrics,
            Clock clock) {
        this.accounts = accounts;
        this.metrics = metrics;
        this.clock = clock;
        // Its first lines come before it has looked for how its logging is set up.
        new HelidonLogging().runTime();
        HttpRouting.Builder routing = HttpRouting.builder();
        for (Route route : routes) {
            routing.route(
                    Method.create(route.method()),
                    route.path(),
                    (request, response) -> answer(route, request, response));
        }
        routing.any((request, response) -> nothingThere(routes, request, response));
        this.server =
                WebServer.builder()
                        .host(listen.host())
                        .port(listen.port())
                        .backlog(BACKLOG)
                        .tls(
                                Tls.builder()
                                        .sslContext(certificate.context())
                                        .enabledProtocols(List.of("TLSv1.3", "TLSv1.2"))
                                        .build())
                        .useNio(false)
                        .maxTcpConnections(MOST_CONNECTIONS)
                        .connectionOptions(
                                SocketOptions.builder()
                                        .readTimeout(READ_TIMEOUT)
                                        .tcpNoDelay(true)
                                        .build())
                        .idleConnectionTimeout(IDLE_TIMEOUT)
                        .addProtocol(
                                Http1Config.builder()
                                        .maxHeadersSize(HEADER_BYTES)
                                        .addReceiveListener(deadlines.headers(READ_TIMEOUT))
                                        .build())
                        .directHandlers(directHandlers())
                        .shutdownGracePeriod(Duration.ofSeconds(2))
                        .featuresDiscoverServices(false)
                        .routing(routing)
                        .build();
        try {
            server.start();
        } catch (RuntimeException e) {
            deadlines.close();
            throw new RebootlessException(
                    ExitStatus.ENVIRONMENT,
                    List.of(
                            new Problem(
                                    "RBL-FLEET-LISTEN",
                                    listen.host() + ":" + listen.port(),
                                    "cannot be listened on: " + rootMessage(e),
                                    "choose another address with --listen")),
                    e);
        }
    }

    private static String rootMessage(Throwable fault) {
        Throwable at = fault;
        while (at.getCause() != null) {
            at = at.getCause();
        }
        return String.valueOf(at.getMessage());
    }

    /** What is no HTTP is answered with the same document, as far as it can be answered. */
    private static DirectHandlers directHandlers() {
        DirectHandler handler =
                (request, type, status, headers, message) -> {
                    HttpFault fault =
                            HttpFault.notUnderstood(
                                    request.path(), "the request is no proper HTTP");
                    headers.set(HeaderNames.CONTENT_TYPE, "application/json");
                    return DirectHandler.TransportResponse.builder()
                            .status(status)
                            .headers(headers)
                            .entity(Json.failure(fault))
                            .keepAlive(false)
                            .build();
                };
        DirectHandlers.Builder builder = DirectHandlers.builder();
        for (DirectHandler.EventType type : DirectHandler.EventType.values()) {
            builder.addHandler(type, handler);
        }
        return builder.build();
    }

    /** The port that it listens on. */
    public int port() {
        return server.port();
    }

    private void answer(Route route, ServerRequest request, ServerResponse response) {
        long start = System.nanoTime();
        String path = request.prologue().uriPath().rawPath();
        try {
            Optional<Caller> caller = admit(route, request);
            try (Bodies.Body body = body(route, request, path)) {
                Answer answer =
                        route.handler()
                                .handle(
                                        new Request(
                                                path,
                                                parameters(request),
                                                query(request, path),
                                                name -> header(request, name),
                                                body.bytes(),
                                                caller,
                                                clock.instant()));
                send(answer, response);
                metrics.answered(route, answer.status(), System.nanoTime() - start);
            }
        } catch (RuntimeException e) {
            HttpFault fault = fault(e, path);
            metrics.answered(route, fault.httpStatus().code(), System.nanoTime() - start);
            send(fault, response);
        }
        closeIfWanted(request, response);
    }

    /** Helidon says that it closes the connection, and waits for the next request all the same. */
    private static void closeIfWanted(ServerRequest request, ServerResponse response) {
        if (request.headers().contains(HeaderValues.CONNECTION_CLOSE)
                || response.headers().contains(HeaderValues.CONNECTION_CLOSE)) {
            throw new CloseConnectionException("as was said");
        }
    }

    private Optional<Caller> admit(Route route, ServerRequest request) {
        return switch (route.access()) {
            case Access.Open _, Access.Host _ -> Optional.empty();
            case Access.Account needed -> Optional.of(require(needed, request));
        };
    }

    private Caller require(Access.Account needed, ServerRequest request) {
        Caller caller =
                header(request, "Authorization")
                        .filter(value -> value.startsWith(BEARER))
                        .flatMap(value -> accounts.callerOf(value.substring(BEARER.length())))
                        .orElseThrow(() ->
                                new HttpFault(
                                        HttpFault.Status.NOT_AUTHENTIC,
                                        new Problem(
                                                "RBL-FLEET-LOGIN",
                                                "",
                                                "a valid token is needed",
                                                "send one as Authorization: Bearer TOKEN; POST"
                                                        + " /api/v1/sessions gives one for a name and"
                                                        + " a password")));
        if (!caller.may(needed.role(), needed.scope())) {
            throw new HttpFault(
                    HttpFault.Status.NOT_ALLOWED,
                    new Problem(
                            "RBL-FLEET-ROLE",
                            caller.name(),
                            "this needs the role %s and a token with the scope %s"
                                    .formatted(needed.role().word(), needed.scope().word()),
                            "ask an administrator for it"));
        }
        return caller;
    }

    private Bodies.Body body(Route route, ServerRequest request, String path) {
        if (!request.content().hasEntity()) {
            return bodies.read(java.io.InputStream.nullInputStream(), 0, path);
        }
        if (request.headers().contentLength().orElse(0) > route.largestBody()) {
            throw Bodies.tooLarge(path, route.largestBody());
        }
        return bodies.read(request.content().inputStream(), route.largestBody(), path);
    }

    private static Map<String, String> parameters(ServerRequest request) {
        Map<String, String> parameters = new HashMap<>();
        var given = request.path().pathParameters();
        for (String name : given.names()) {
            parameters.put(name, given.get(name));
        }
        return parameters;
    }

    private static Map<String, String> query(ServerRequest request, String path) {
        Map<String, String> query = new HashMap<>();
        for (String name : request.query().names()) {
            List<String> values = request.query().all(name);
            if (values.size() != 1) {
                throw HttpFault.notUnderstood(path, "a parameter of the query stands there twice");
            }
            query.put(name, values.getFirst());
        }
        return query;
    }

    private static Optional<String> header(ServerRequest request, String name) {
        return request.headers().find(HeaderNames.create(name)).map(h -> h.get());
    }

    private HttpFault fault(RuntimeException failure, String path) {
        if (failure instanceof HttpFault fault) {
            return fault;
        }
        if (Database.isTemporary(failure)) {
            warnOfDatabase(path, failure);
            return HttpFault.notNow(
                    "RBL-FLEET-DATABASE-AWAY", "the database does not answer now", RETRY_AFTER);
        }
        if (failure instanceof RebootlessException known) {
            return new HttpFault(
                    switch (known.status()) {
                        case ENVIRONMENT -> HttpFault.Status.NOT_NOW;
                        case REFUSED -> HttpFault.Status.CONTRADICTION;
                        default -> HttpFault.Status.NOT_UNDERSTOOD;
                    },
                    known.problems().getFirst());
        }
        LOG.error("{}: a fault of Rebootless itself", path, failure);
        return new HttpFault(
                HttpFault.Status.FAULT,
                new Problem(
                        "RBL-INTERNAL",
                        path,
                        "a fault of Rebootless itself: " + failure.getClass().getSimpleName(),
                        "report it with what the server's log says"));
    }

    /** Not once for each of the thousands of requests that come meanwhile. */
    private void warnOfDatabase(String path, RuntimeException failure) {
        long now = System.nanoTime();
        long before = warned.get();
        if (now - before > WARN_EVERY.toNanos() && warned.compareAndSet(before, now)) {
            LOG.warn("{}: the database does not do its work: {}", path, rootMessage(failure));
        }
    }

    private void send(HttpFault fault, ServerResponse response) {
        if (response.isSent()) {
            return;
        }
        Map<String, String> headers = new HashMap<>();
        fault.retryAfter()
                .ifPresent(wait -> headers.put("Retry-After", String.valueOf(wait.toSeconds())));
        if (fault.httpStatus() == HttpFault.Status.NOT_AUTHENTIC) {
            headers.put("WWW-Authenticate", "Bearer");
        }
        // What is left of a body that was not read is not waited for.
        if (fault.httpStatus() == HttpFault.Status.TOO_LARGE
                || fault.httpStatus() == HttpFault.Status.TOO_SLOW) {
            headers.put("Connection", "close");
        }
        send(
                new Answer(
                        fault.httpStatus().code(),
                        "application/json",
                        headers,
                        new Answer.Bytes(Json.failure(fault))),
                response);
    }

    private void send(Answer answer, ServerResponse response) {
        response.status(Status.create(answer.status()));
        response.header("Content-Type", answer.type());
        response.header("X-Content-Type-Options", "nosniff");
        answer.headers().forEach((name, value) -> response.header(name, value));
        long length =
                switch (answer.content()) {
                    case Answer.Bytes bytes -> bytes.bytes().length;
                    case Answer.Stream stream -> stream.length();
                };
        Duration limit = READ_TIMEOUT.plusSeconds(length / SLOWEST_BYTES_PER_SECOND);
        Deadlines.Deadline deadline = deadlines.in(limit);
        try {
            switch (answer.content()) {
                case Answer.Bytes bytes -> response.send(bytes.bytes());
                case Answer.Stream stream -> {
                    response.contentLength(stream.length());
                    try (OutputStream out = response.outputStream()) {
                        stream.writer().to(out);
                    }
                }
            }
        } catch (IOException e) {
            // The client has gone, or takes its answer too slowly.
            throw new java.io.UncheckedIOException(e);
        } finally {
            deadline.end();
        }
    }

    private void nothingThere(List<Route> routes, ServerRequest request, ServerResponse response) {
        String path = request.prologue().uriPath().rawPath();
        boolean known =
                routes.stream()
                        .anyMatch(r ->
                                io.helidon.http.PathMatchers.create(r.path())
                                        .match(request.prologue().uriPath())
                                        .accepted());
        send(
                known
                        ? new HttpFault(
                                HttpFault.Status.NO_SUCH_METHOD,
                                new Problem(
                                        "RBL-FLEET-METHOD",
                                        path,
                                        "this cannot be asked with this method",
                                        "see docs/schema/fleet-api.openapi.yaml"))
                        : HttpFault.unknown(path, "there is nothing at this address"),
                response);
        closeIfWanted(request, response);
    }

    @Override
    public void close() {
        server.stop();
        deadlines.close();
    }
}
