package dev.rebootless.cve;

import dev.rebootless.base.Hashes;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * Brings a feed from its address into the cache, where it has the date of its fetching. What is
 * there is asked for anew only if it is older than the server's ({@code If-Modified-Since}, RFC
 * 9110, 13.1.3), and used where the server cannot be reached.
 */
final class FeedDownload {
    private static final Duration CONNECT = Duration.ofSeconds(20);

    /** 500 MB over a line of 1 MB/s. */
    private static final Duration WHOLE = Duration.ofMinutes(10);

    private static final int BLOCK = 1 << 16;

    private static final DateTimeFormatter HTTP_DATE =
            DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ROOT)
                    .withZone(ZoneOffset.UTC);

    private final Path cache;
    private final Progress progress;

    FeedDownload(Path cache, Progress progress) {
        this.cache = cache;
        this.progress = progress;
    }

    static boolean isAddress(String place) {
        return place.matches("[a-z][a-z0-9+.-]*://.*");
    }

    /**
     * @param warn hears that an older copy had to do
     * @return the file in the cache
     * @throws RebootlessException as {@link Feeds#read}
     */
    Path fetch(String address, Consumer<String> warn) {
        URI uri = checked(address);
        Path file =
                cache.resolve(Hashes.sha256(address.getBytes(StandardCharsets.UTF_8)) + ".feed");
        try {
            Files.createDirectories(cache);
            return fetch(uri, file);
        } catch (IOException e) {
            return older(address, file, String.valueOf(e.getMessage()), warn);
        } catch (InterruptedException e) {
            throw RebootlessException.interrupted(address, e);
        }
    }

    private static URI checked(String address) {
        try {
            URI uri = URI.create(address);
            boolean here =
                    "http".equals(uri.getScheme())
                            && ("localhost".equals(uri.getHost())
                                    || "127.0.0.1".equals(uri.getHost()));
            if (("https".equals(uri.getScheme()) || here) && uri.getHost() != null) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            // No address at all: the same answer.
        }
        throw RebootlessException.usage(
                "RBL-FEED-PLACE",
                address,
                "feeds are fetched over https only",
                "give an https address, or a file");
    }

    private Path older(String address, Path file, String why, Consumer<String> warn) {
        if (!Files.isRegularFile(file)) {
            throw RebootlessException.environment(
                    "RBL-FEED-FETCH",
                    address,
                    "could not be fetched: " + why,
                    "see whether this machine reaches it, or give the feed as a file");
        }
        try {
            warn.accept(
                    address
                            + ": could not be fetched ("
                            + why
                            + "); the copy of "
                            + Files.getLastModifiedTime(file).toInstant()
                            + " is used");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }

    private Path fetch(URI uri, Path file) throws IOException, InterruptedException {
        progress.step("fetching " + uri);
        HttpRequest.Builder request = HttpRequest.newBuilder(uri).timeout(WHOLE);
        if (Files.isRegularFile(file)) {
            request.header(
                    "If-Modified-Since",
                    HTTP_DATE.format(Files.getLastModifiedTime(file).toInstant()));
        }
        try (HttpClient client =
                HttpClient.newBuilder()
                        .connectTimeout(CONNECT)
                        .followRedirects(HttpClient.Redirect.NORMAL)
                        .build()) {
            HttpResponse<InputStream> answer =
                    client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            try (InputStream body = answer.body()) {
                if (answer.statusCode() == 304 && Files.isRegularFile(file)) {
                    return file;
                }
                if (answer.statusCode() != 200) {
                    throw new IOException("the server answers " + answer.statusCode());
                }
                // The request's own timeout ends with the headers (java.net.http.HttpRequest).
                Thread deadline = Thread.ofVirtual().start(() -> closeAfter(WHOLE, body));
                try {
                    return keep(body, file);
                } finally {
                    deadline.interrupt();
                }
            }
        }
    }

    /** Whoever reads then gets an exception. */
    private static void closeAfter(Duration time, InputStream body) {
        try {
            Thread.sleep(time);
            body.close();
        } catch (InterruptedException | IOException e) {
            // All was read, or is closed already.
        }
    }

    private static Path keep(InputStream body, Path file) throws IOException {
        Path aside = file.resolveSibling(file.getFileName() + ".tmp");
        Instant began = Instant.now();
        try {
            try (OutputStream out = Files.newOutputStream(aside)) {
                byte[] block = new byte[BLOCK];
                long length = 0;
                for (int n = body.read(block); n >= 0; n = body.read(block)) {
                    length += n;
                    if (length > FeedReader.MAX_BYTES) {
                        throw new IOException(
                                "it has more than " + (FeedReader.MAX_BYTES >> 20) + " MB");
                    }
                    out.write(block, 0, n);
                }
            }
            // Only what can be read takes the place of what could.
            try (InputStream in = Files.newInputStream(aside)) {
                FeedReader.read(in, new FeedFacts.Builder());
            } catch (FeedFault e) {
                throw new IOException("what came is " + e.getMessage(), e);
            }
            Files.setLastModifiedTime(aside, FileTime.from(began));
            return Files.move(
                    aside,
                    file,
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(aside);
        }
    }
}
