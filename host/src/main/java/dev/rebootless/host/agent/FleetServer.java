package dev.rebootless.host.agent;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.files.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** The server, over HTTPS that accepts one certificate; no proxy and no redirection is followed. */
final class FleetServer implements AutoCloseable {
    /** The contract's bound of an answer is 16 KiB; that of an enrolment has a root in it. */
    static final int MAX_ANSWER = 64 << 10;

    private static final Duration CONNECT = Duration.ofSeconds(10);
    private static final Duration MESSAGE = Duration.ofSeconds(60);
    private static final Duration FILE = Duration.ofMinutes(5);

    /** Tries of one message; what does not go then goes at the timer's next call. */
    private static final int TRIES = 4;

    private static final Duration FIRST_WAIT = Duration.ofSeconds(2);

    /** A server that wants longer is left alone until the next call. */
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(60);

    private static final int TOO_MANY = 429;
    private static final int NOT_NOW = 503;
    private static final int NOT_FOUND = 404;
    private static final int OK = 200;

    private final URI address;
    private final HttpClient client;
    private final Consumer<Duration> pause;

    /**
     * @param address as {@link #address} gives it
     */
    FleetServer(URI address, Fingerprint fingerprint, Consumer<Duration> pause) {
        this.address = address;
        this.pause = pause;
        this.client =
                HttpClient.newBuilder()
                        .version(HttpClient.Version.HTTP_1_1)
                        .sslContext(fingerprint.tls())
                        .proxy(HttpClient.Builder.NO_PROXY)
                        .followRedirects(HttpClient.Redirect.NEVER)
                        .connectTimeout(CONNECT)
                        .build();
    }

    /**
     * A server's address: {@code https://HOST[:PORT]}, and nothing behind it.
     *
     * @throws RebootlessException exit status 2 {@code RBL-AGENT-URL}
     */
    static URI address(String text) {
        try {
            URI uri = new URI(text);
            String path = Optional.ofNullable(uri.getPath()).orElse("");
            if ("https".equals(uri.getScheme())
                    && uri.getHost() != null
                    && uri.getUserInfo() == null
                    && uri.getQuery() == null
                    && uri.getFragment() == null
                    && (path.isEmpty() || path.equals("/"))) {
                return new URI("https", null, uri.getHost(), uri.getPort(), null, null, null);
            }
        } catch (URISyntaxException e) {
            // As it is said.
        }
        throw RebootlessException.usage(
                "RBL-AGENT-URL",
                text,
                "is no address of a server",
                "give https://HOST:PORT as `rebootless serve` prints it");
    }

    /**
     * Sends a message.
     *
     * @param headers made anew for each try: what was sent may have arrived
     * @throws ServerRefusal when the server says no
     * @throws RebootlessException exit status 5 {@code RBL-AGENT-UNREACHABLE}; 4 {@code
     *     RBL-AGENT-CERTIFICATE}; 7 {@code RBL-AGENT-ANSWER}
     */
    Answer post(String path, byte[] body, int mostAnswer, Supplier<Map<String, String>> headers) {
        HttpResponse<byte[]> response =
                exchange(
                        () -> {
                            HttpRequest.Builder request =
                                    request(path)
                                            .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                                            .header("Content-Type", "application/json");
                            headers.get().forEach(request::header);
                            return request.build();
                        },
                        mostAnswer,
                        MESSAGE);
        Map<String, Object> document = document(path, response, mostAnswer);
        if (response.statusCode() != OK) {
            throw ServerRefusal.of(path, response.statusCode(), document);
        }
        return new Answer(path, document, Answer.Origin.SERVER).requireVersion();
    }

    private static Map<String, Object> document(
            String path, HttpResponse<byte[]> response, int most) {
        String why = "it is longer than " + most + " bytes";
        if (response.body().length <= most) {
            try {
                return JsonObject.parse(new String(response.body(), StandardCharsets.UTF_8));
            } catch (JsonObject.NoneException e) {
                why = String.valueOf(e.getMessage());
            }
        }
        if (response.statusCode() != OK) {
            return Map.of();
        }
        throw new Answer(path, Map.of(), Answer.Origin.SERVER)
                .bad("(all)", "is no document: " + why);
    }

    /**
     * Gets a file; empty only when the server says that there is none.
     *
     * @param most as many bytes as it may have; one more is returned of a longer one
     */
    Optional<byte[]> get(String path, long most) {
        HttpResponse<byte[]> response = exchange(() -> request(path).GET().build(), most, FILE);
        return switch (response.statusCode()) {
            case OK -> Optional.of(response.body());
            case NOT_FOUND -> Optional.empty();
            default -> throw ServerRefusal.of(path, response.statusCode(), Map.of());
        };
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(address.resolve(path)).timeout(FILE);
    }

    private HttpResponse<byte[]> exchange(
            Supplier<HttpRequest> request, long most, Duration limit) {
        for (int attempt = 1; ; attempt++) {
            Optional<Duration> wait;
            try {
                HttpResponse<byte[]> response = once(request.get(), most, limit);
                boolean busy =
                        response.statusCode() == NOT_NOW || response.statusCode() == TOO_MANY;
                wait = busy ? wait(attempt, response) : Optional.empty();
                if (wait.isEmpty()) {
                    return response;
                }
            } catch (IOException e) {
                wait = attempt < TRIES ? Optional.of(backOff(attempt)) : Optional.empty();
                if (wait.isEmpty()) {
                    throw unreachable(e);
                }
            }
            pause.accept(wait.get());
        }
    }

    /** As long as the server asks for, and some more, so that not all come at once. */
    private static Optional<Duration> wait(int attempt, HttpResponse<byte[]> response) {
        Duration asked =
                response.headers()
                        .firstValue("Retry-After")
                        .filter(seconds -> seconds.matches("[0-9]{1,6}"))
                        .map(seconds -> Duration.ofSeconds(Long.parseLong(seconds)))
                        .orElse(Duration.ZERO);
        return attempt < TRIES && asked.compareTo(LONGEST_WAIT) <= 0
                ? Optional.of(asked.plus(backOff(attempt)))
                : Optional.empty();
    }

    /** 2, 4, 8 seconds, each by up to a half longer. */
    private static Duration backOff(int attempt) {
        long millis = FIRST_WAIT.toMillis() << (attempt - 1);
        return Duration.ofMillis(millis + ThreadLocalRandom.current().nextLong(millis / 2 + 1));
    }

    private HttpResponse<byte[]> once(HttpRequest request, long most, Duration limit)
            throws IOException {
        CompletableFuture<HttpResponse<byte[]>> sent =
                client.sendAsync(request, _ -> new BoundedBody(most));
        try {
            return sent.get(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            throw RebootlessException.interrupted(address.toString(), e);
        } catch (TimeoutException e) {
            throw new IOException("no whole answer came within " + limit.toSeconds() + " s", e);
        } catch (ExecutionException | CompletionException | CancellationException e) {
            throw cause(e);
        } finally {
            boolean _ = sent.cancel(true);
        }
    }

    private IOException cause(Exception e) {
        for (Throwable at = e; at != null; at = at.getCause()) {
            if (at instanceof Fingerprint.OtherCertificateException other) {
                throw RebootlessException.refused(
                        "RBL-AGENT-CERTIFICATE",
                        address.toString(),
                        String.valueOf(other.getMessage()),
                        "if the server's certificate was replaced, enrol this host anew with the new fingerprint; else somebody stands between");
            }
        }
        return e.getCause() instanceof IOException io ? io : new IOException(String.valueOf(e), e);
    }

    private RebootlessException unreachable(IOException e) {
        String why = e.getMessage();
        return RebootlessException.environment(
                "RBL-AGENT-UNREACHABLE",
                address.toString(),
                "cannot be reached: "
                        + (why == null || why.isEmpty() ? e.getClass().getSimpleName() : why),
                "see that the address is right, that the server runs and that the network lets this host through; the timer tries again");
    }

    @Override
    public void close() {
        client.shutdownNow();
        client.close();
    }
}
