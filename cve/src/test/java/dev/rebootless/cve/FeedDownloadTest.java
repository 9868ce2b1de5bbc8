package dev.rebootless.cve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Feeds from a server that answers, answers with rubbish, or is gone. */
class FeedDownloadTest {
    private static final CveId ONE = new CveId("CVE-2026-10001");

    @TempDir private Path temp;

    /** {@code If-Modified-Since} of each request, or nothing. */
    private final List<String> asked = Collections.synchronizedList(new ArrayList<>());

    private HttpServer server;
    private String address;
    private volatile Answer answer;

    /** What the server does with a request. */
    private interface Answer {
        void to(HttpExchange exchange) throws IOException;
    }

    private static Answer with(int status, byte[] body) {
        return exchange -> {
            exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(body);
            }
        };
    }

    private static Answer with(int status, String body) {
        return with(status, body.getBytes(StandardCharsets.UTF_8));
    }

    @BeforeEach
    void start() throws IOException {
        answer = with(200, SmallFeeds.EXPLOITED);
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext(
                "/",
                exchange -> {
                    try (exchange) {
                        asked.add(
                                String.valueOf(
                                        exchange.getRequestHeaders()
                                                .getFirst("If-Modified-Since")));
                        answer.to(exchange);
                    }
                });
        server.start();
        address = "http://127.0.0.1:" + server.getAddress().getPort() + "/kev.json";
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private FeedFacts read(String place) {
        return Feeds.read(List.of(place), temp.resolve("cache"), Progress.SILENT);
    }

    private void refusedToFetch(String why) {
        assertThatThrownBy(() -> read(address))
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e -> {
                            assertThat(e.status()).isEqualTo(ExitStatus.ENVIRONMENT);
                            assertThat(e.problems().getFirst().code()).isEqualTo("RBL-FEED-FETCH");
                            assertThat(e.problems().getFirst().place()).isEqualTo(address);
                            assertThat(e.problems().getFirst().message()).contains(why);
                        });
    }

    private List<Path> cached() throws IOException {
        try (Stream<Path> files = Files.list(temp.resolve("cache"))) {
            return files.toList();
        }
    }

    /** Fetches once, and gives the copy a date. */
    private Path copyOf(Instant date) throws IOException {
        read(address);
        Path copy = cached().getFirst();
        Files.setLastModifiedTime(copy, FileTime.from(date));
        asked.clear();
        return copy;
    }

    @Test
    void whatIsFetchedIsReadAndKept() throws IOException {
        Instant before = Instant.now().minusSeconds(2);
        FeedFacts facts = read(address);
        assertThat(facts.exploited().orElseThrow()).contains(ONE);
        assertThat(facts.warnings()).isEmpty();
        assertThat(facts.origins())
                .containsExactly(
                        new FeedFacts.Origin(
                                address,
                                FeedFacts.Kind.KNOWN_EXPLOITED,
                                "2026-11-20T15:00:02.0304Z"));
        assertThat(asked).containsExactly("null");
        assertThat(cached())
                .singleElement()
                .satisfies(f -> assertThat(f).hasContent(SmallFeeds.EXPLOITED))
                .satisfies(f ->
                        assertThat(Files.getLastModifiedTime(f).toInstant())
                                .isBetween(before, Instant.now().plusSeconds(2)));
    }

    @Test
    void whatIsNoNewerOnTheServerIsNotFetchedAgain() throws IOException {
        Path copy = copyOf(Instant.parse("2026-11-01T12:30:45Z"));
        answer = with(304, "");
        FeedFacts facts = read(address);
        assertThat(asked).containsExactly("Sun, 01 Nov 2026 12:30:45 GMT");
        assertThat(facts.exploited().orElseThrow()).contains(ONE);
        assertThat(facts.warnings()).isEmpty();
        assertThat(Files.getLastModifiedTime(copy).toInstant())
                .isEqualTo(Instant.parse("2026-11-01T12:30:45Z"));
    }

    /** What changes on the server while it answers is asked for the next time. */
    @Test
    void theCopyIsAsOldAsTheBeginningOfItsFetching() throws IOException {
        List<Instant> answered = new ArrayList<>();
        answer =
                exchange -> {
                    exchange.sendResponseHeaders(200, 0);
                    try (OutputStream out = exchange.getResponseBody()) {
                        byte[] feed = SmallFeeds.EXPLOITED.getBytes(StandardCharsets.UTF_8);
                        out.write(feed, 0, 100);
                        out.flush();
                        Thread.sleep(500);
                        answered.add(Instant.now());
                        out.write(feed, 100, feed.length - 100);
                    } catch (InterruptedException e) {
                        throw new IOException(e);
                    }
                };
        read(address);
        assertThat(Files.getLastModifiedTime(cached().getFirst()).toInstant())
                .isBefore(answered.getFirst().minusMillis(250));
    }

    @Test
    void whatIsNewerOnTheServerTakesTheCopysPlace() throws IOException {
        Path copy = copyOf(Instant.parse("2026-11-01T12:30:45Z"));
        answer = with(200, SmallFeeds.EXPLOITED.replace("CVE-2026-10001", "CVE-2026-10002"));
        FeedFacts facts = read(address);
        assertThat(facts.exploited().orElseThrow())
                .contains(new CveId("CVE-2026-10002"))
                .doesNotContain(ONE);
        assertThat(facts.warnings()).isEmpty();
        assertThat(cached()).containsExactly(copy);
        assertThat(copy).content().contains("CVE-2026-10002");
    }

    @Test
    void eachAddressHasItsOwnCopy() throws IOException {
        read(address);
        answer = with(200, SmallFeeds.NVD);
        assertThat(read(address + "?page=2").ratings()).containsKey(ONE);
        assertThat(cached()).hasSize(2);
    }

    @Test
    void whenTheServerIsGoneTheCopyIsUsedAndSaidSo() throws IOException {
        copyOf(Instant.parse("2026-11-01T12:30:45Z"));
        server.stop(0);
        FeedFacts facts = read(address);
        assertThat(facts.exploited().orElseThrow()).contains(ONE);
        assertThat(facts.warnings())
                .singleElement()
                .asString()
                .startsWith(address + ": could not be fetched (")
                .endsWith("; the copy of 2026-11-01T12:30:45Z is used");
    }

    @Test
    void withoutACopyAServerThatIsGoneIsRefused() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            address = "http://localhost:" + socket.getLocalPort() + "/";
        }
        refusedToFetch("could not be fetched: ");
        assertThat(cached()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {204, 400, 403, 404, 429, 500, 503})
    void anAnswerThatIsNoFeedLeavesTheCopy(int status) throws IOException {
        Path copy = copyOf(Instant.parse("2026-11-01T12:30:45Z"));
        answer = with(status, status == 204 ? "" : "sorry");
        FeedFacts facts = read(address);
        assertThat(facts.exploited().orElseThrow()).contains(ONE);
        assertThat(facts.warnings())
                .singleElement()
                .asString()
                .contains("the server answers " + status);
        assertThat(cached()).containsExactly(copy);
        assertThat(copy).hasContent(SmallFeeds.EXPLOITED);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "<html>Log in to the network</html>",
                "{}",
                "[]",
                "{\"vulnerabilities\": [{\"cveID\": \"CVE-2026-10001\"}",
                "{\"vulnerabilities\": [{\"cveID\": \"CVE-2026-10001\"}]} {}",
                "\u001f\u008brubbish"
            })
    void rubbishLeavesTheOldCopyAndNothingElse(String rubbish) throws IOException {
        Instant date = Instant.parse("2026-11-01T12:30:45Z");
        Path copy = copyOf(date);
        answer = with(200, rubbish.getBytes(StandardCharsets.ISO_8859_1));
        FeedFacts facts = read(address);
        assertThat(facts.exploited().orElseThrow()).contains(ONE);
        assertThat(facts.warnings()).hasSize(1);
        assertThat(cached()).containsExactly(copy);
        assertThat(copy).hasContent(SmallFeeds.EXPLOITED);
        assertThat(Files.getLastModifiedTime(copy).toInstant()).isEqualTo(date);
    }

    @Test
    void rubbishWithoutACopyIsRefusedAndNotKept() throws IOException {
        answer = with(200, "<html>Log in to the network</html>");
        refusedToFetch("what came is no JSON");
        assertThat(cached()).isEmpty();
    }

    @Test
    void anAnswerThatEndsTooSoonLeavesNothingHalfWritten() throws IOException {
        Path copy = copyOf(Instant.parse("2026-11-01T12:30:45Z"));
        answer =
                exchange -> {
                    exchange.sendResponseHeaders(200, 1_000_000);
                    // Whole in itself: only its length says that more should have come.
                    exchange.getResponseBody()
                            .write(SmallFeeds.NVD.getBytes(StandardCharsets.UTF_8));
                    exchange.getResponseBody().flush();
                    throw new IOException("pulled out");
                };
        FeedFacts facts = read(address);
        assertThat(facts.exploited().orElseThrow()).contains(ONE);
        assertThat(facts.warnings()).hasSize(1);
        assertThat(cached()).containsExactly(copy);
        assertThat(copy).hasContent(SmallFeeds.EXPLOITED);
        Files.delete(copy);
        refusedToFetch("could not be fetched: ");
        assertThat(cached()).isEmpty();
    }

    @Test
    void whatAKilledRunLeftHalfWrittenIsNotUsed() throws IOException {
        Path copy = copyOf(Instant.parse("2026-11-01T12:30:45Z"));
        Files.writeString(copy.resolveSibling(copy.getFileName() + ".tmp"), "{\"vuln");
        assertThat(read(address).exploited()).isPresent();
        assertThat(cached()).containsExactly(copy);
        assertThat(copy).hasContent(SmallFeeds.EXPLOITED);
    }

    @Test
    void aCompressedFeedIsKeptAsItCame() throws IOException {
        byte[] gzip = SmallFeeds.gzip(SmallFeeds.EXPLOITED);
        answer = with(200, gzip);
        assertThat(read(address).exploited().orElseThrow()).contains(ONE);
        assertThat(cached()).singleElement().satisfies(f -> assertThat(f).hasBinaryContent(gzip));
    }

    @Test
    void aFeedThatHasMovedIsFollowed() {
        answer =
                exchange -> {
                    if (exchange.getRequestURI().getPath().equals("/kev.json")) {
                        exchange.getResponseHeaders().set("Location", "/moved.json");
                        exchange.sendResponseHeaders(302, -1);
                    } else {
                        with(200, SmallFeeds.EXPLOITED).to(exchange);
                    }
                };
        assertThat(read(address).exploited().orElseThrow()).contains(ONE);
        assertThat(asked).hasSize(2);
    }

    @Test
    void whatIsBeingFetchedIsSaid() {
        List<String> steps = new ArrayList<>();
        Feeds.read(List.of(address), temp.resolve("cache"), steps::add);
        assertThat(steps).containsExactly("fetching " + address);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://example.org/kev.json",
                "http://127.0.0.1.example.org/kev.json",
                "http://localhost@example.org/kev.json",
                "http://[::ffff:10.0.0.1]/kev.json",
                "ftp://example.org/kev.json",
                "file:///etc/passwd",
                "https:///kev.json",
                "https://",
                "https://exa mple.org/kev.json"
            })
    void anAddressThatIsNotOfHttpsIsRefused(String place) {
        assertThatThrownBy(() -> read(place))
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e -> {
                            assertThat(e.status()).isEqualTo(ExitStatus.USAGE);
                            assertThat(e.problems().getFirst().code()).isEqualTo("RBL-FEED-PLACE");
                            assertThat(e.problems().getFirst().message())
                                    .isEqualTo("feeds are fetched over https only");
                        });
        assertThat(temp.resolve("cache")).doesNotExist();
    }
}
