package dev.rebootless.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Requests that are not what they should be. None of them is a fault of the server. */
class HostileInputTest {
    private static final int LARGEST_REPORT = 512 << 10;

    @TempDir private static Path data = Path.of("");
    private static @org.jspecify.annotations.Nullable TestFleet started;

    @BeforeAll
    static void start() throws Exception {
        started = TestFleet.start(data);
    }

    @AfterAll
    static void stop() {
        fleet().close();
    }

    private static TestFleet fleet() {
        return java.util.Objects.requireNonNull(started);
    }

    @Test
    void aReportOfTheLargestSizeIsTaken() throws Exception {
        TestHost host = fleet().host("canary");
        String facts = padded(LARGEST_REPORT);
        assertThat(facts).hasSize(LARGEST_REPORT);
        assertThat(host.report(facts).status()).isEqualTo(200);
    }

    @Test
    void aReportThatIsAByteLargerIsRefused() throws Exception {
        TestClient.Answer answer = fleet().host("canary").report(padded(LARGEST_REPORT + 1));
        assertThat(answer.status()).isEqualTo(413);
        assertThat(answer.code()).isEqualTo("RBL-FLEET-LARGE");
    }

    private static String padded(int size) {
        String facts = "{\"schemaVersion\":1,\"facts\":{\"hostname\":\"a\",\"modules\":[\"\"]}}";
        StringBuilder text = new StringBuilder(facts);
        int left = size - facts.length();
        return text.insert(text.indexOf("\"\"") + 1, "x".repeat(Math.min(left, 200_000)))
                .append(" ".repeat(Math.max(0, left - 200_000)))
                .toString();
    }

    @Test
    void aBodyWithoutALengthIsBoundedAsWell() throws Exception {
        try (Socket socket = connect()) {
            OutputStream out = socket.getOutputStream();
            write(
                    out,
                    "POST /agent/v1/enroll HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
            String chunk = "1000\r\n" + "x".repeat(0x1000) + "\r\n";
            try {
                for (int i = 0; i < 64; i++) {
                    write(out, chunk);
                }
            } catch (IOException e) {
                // The server has closed it already.
            }
            assertThat(readAll(socket)).startsWith("HTTP/1.1 413").contains("RBL-FLEET-LARGE");
        }
    }

    @Test
    void aBodyThatComesByteByByteIsCutOff() throws Exception {
        try (Socket socket = connect()) {
            OutputStream out = socket.getOutputStream();
            write(
                    out,
                    "POST /agent/v1/enroll HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{");
            long start = System.nanoTime();
            assertThat(dripUntilClosed(socket)).isTrue();
            assertThat((System.nanoTime() - start) / 1_000_000_000L).isBetween(5L, 30L);
        }
        stillWorks();
    }

    @Test
    void aHeaderThatComesByteByByteIsCutOff() throws Exception {
        try (Socket socket = connect()) {
            write(socket.getOutputStream(), "GET /health/live HTTP/1.1\r\nHost: a\r\nX: ");
            assertThat(dripUntilClosed(socket)).isTrue();
        }
        stillWorks();
    }

    /** A byte in each second; whether the server ends it within two minutes. */
    private static boolean dripUntilClosed(Socket socket) throws Exception {
        socket.setSoTimeout(1000);
        InputStream in = socket.getInputStream();
        for (int i = 0; i < 120; i++) {
            try {
                write(socket.getOutputStream(), "a");
                if (in.read() < 0) {
                    return true;
                }
            } catch (java.net.SocketTimeoutException e) {
                // It waits on.
            } catch (IOException e) {
                return true;
            }
        }
        return false;
    }

    private static void stillWorks() throws Exception {
        assertThat(fleet().client.get("/health/ready", Map.of()).status()).isEqualTo(200);
    }

    @Test
    void whatIsNoHttpIsNoFault() throws Exception {
        for (String request :
                List.of(
                        "\0\0\0\0\r\n\r\n",
                        "GET\r\n\r\n",
                        "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\nX: " + "y".repeat(100_000) + "\r\n\r\n",
                        "POST /agent/v1/key HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
                        "POST /agent/v1/key HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n")) {
            try (Socket socket = connect()) {
                try {
                    write(socket.getOutputStream(), request);
                } catch (IOException e) {
                    // It was closed in the middle.
                }
                assertThat(readAll(socket)).doesNotContain("HTTP/1.1 500", "HTTP/1.1 200");
            }
        }
        stillWorks();
    }

    @Test
    void hostileJsonIsNotUnderstood() throws Exception {
        TestHost host = fleet().host("canary");
        String deep = "[".repeat(10_000) + "]".repeat(10_000);
        for (String body :
                List.of(
                        "",
                        "null",
                        "[]",
                        "{",
                        "\u0000",
                        "{\"schemaVersion\":1}",
                        "{\"schemaVersion\":2,\"facts\":{}}",
                        "{\"schemaVersion\":\"1\",\"facts\":{}}",
                        "{\"schemaVersion\":1.5,\"facts\":{}}",
                        "{\"schemaVersion\":1e400,\"facts\":{}}",
                        "{\"schemaVersion\":1,\"facts\":[]}",
                        "{\"schemaVersion\":1,\"facts\":{},\"unchanged\":\"00\"}",
                        "{\"schemaVersion\":1,\"unchanged\":\"00\"}",
                        "{\"schemaVersion\":1,\"unchanged\":7}",
                        "{\"schemaVersion\":1,\"facts\":{}} {}",
                        "{\"schemaVersion\":1,\"facts\":{},\"facts\":{}}",
                        "{\"schemaVersion\":1,\"facts\":{\"modules\":" + deep + "}}",
                        "{\"schemaVersion\":1,\"facts\":{\"os\":5}}",
                        "{\"schemaVersion\":1,\"facts\":{\"livepatches\":{}}}",
                        "{\"schemaVersion\":1,\"facts\":{\"livepatches\":[7]}}",
                        "{\"schemaVersion\":1,\"facts\":{\"cves\":[{\"id\":\"x\",\"state\":\"closed\"}]}}",
                        "{\"schemaVersion\":1,\"facts\":{\"n\":" + "9".repeat(100_000) + "}}")) {
            TestClient.Answer answer = host.report(body);
            assertThat(answer.status())
                    .as(body.length() > 100 ? body.substring(0, 100) : body)
                    .isEqualTo(400);
            assertThat(answer.code()).isEqualTo("RBL-FLEET-REQUEST");
        }
    }

    @Test
    void textsThatTheDatabaseDoesNotTakeAreCleaned() throws Exception {
        TestHost host = fleet().host("canary");
        TestFleet.require(
                host.report(
                        "{\"schemaVersion\":1,\"facts\":{\"hostname\":\"a\\u0000\\u001b[31m\\ud800b\","
                                + "\"os\":\"\\u0000\",\"release\":\""
                                + "r".repeat(5000)
                                + "\"}}"),
                200);
    }

    @Test
    void aHostThatNeverStopsTalkingIsMadeToWait() throws Exception {
        TestHost host = fleet().host("canary");
        TestHost other = fleet().host("canary");
        String facts = "{\"schemaVersion\":1,\"facts\":{}}";
        int status = 200;
        for (int i = 0; i < 2000 && status == 200; i++) {
            status = host.report(facts).status();
        }
        assertThat(status).isEqualTo(429);
        assertThat(other.report(facts).status()).isEqualTo(200);
        fleet().clock.advance(java.time.Duration.ofSeconds(10));
        assertThat(host.report(facts).status()).isEqualTo(200);
    }

    @Test
    void factsMayAllBeNull() throws Exception {
        TestHost host = fleet().host("canary");
        TestFleet.require(
                host.report(
                        "{\"schemaVersion\":1,\"facts\":{\"hostname\":null,\"livepatches\":null,"
                                + "\"cves\":null,\"nextBoot\":null,\"secureBoot\":null}}"),
                200);
    }

    @Test
    void mutatedReportsAreNeverAFault() throws Exception {
        long seed = System.nanoTime();
        System.err.println("seed " + seed);
        Random random = new Random(seed);
        TestHost host = fleet().host("canary");
        String good =
                TestHost.facts("a.example", "6.1.0-56-cloud-amd64", "CVE-2026-0001", "closed");
        for (int i = 0; i < 300; i++) {
            if (i % 50 == 0) {
                host = fleet().host("canary");
            }
            byte[] bytes = good.getBytes(StandardCharsets.UTF_8);
            for (int j = random.nextInt(4); j >= 0; j--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            }
            host.sequence++;
            TestClient.Answer answer =
                    fleet().client
                            .send(
                                    "POST",
                                    "/agent/v1/report",
                                    host.signed("/agent/v1/report", bytes),
                                    bytes);
            assertThat(answer.status())
                    .as(new String(bytes, StandardCharsets.ISO_8859_1))
                    .isIn(200, 400);
        }
    }

    @Test
    void headersThatAreMissingOrMalformedAreNotUnderstood() throws Exception {
        TestHost host = fleet().host("canary");
        byte[] body = "{\"schemaVersion\":1,\"facts\":{}}".getBytes(StandardCharsets.UTF_8);
        host.sequence++;
        Map<String, String> good = host.signed("/agent/v1/report", body);
        for (String name : List.copyOf(good.keySet())) {
            Map<String, String> headers = new java.util.HashMap<>(good);
            headers.remove(name);
            assertThat(report(headers, body).status()).as("without " + name).isEqualTo(400);
            headers.put(name, "é'; DROP TABLE host; --");
            assertThat(report(headers, body).status()).as("bad " + name).isIn(400, 401);
        }
        for (String sequence : List.of("0", "-1", "9007199254740993", "1e3")) {
            Map<String, String> headers = new java.util.HashMap<>(good);
            headers.put("Rebootless-Sequence", sequence);
            assertThat(report(headers, body).status()).as(sequence).isIn(400, 401);
        }
        assertThat(report(good, body).status()).isEqualTo(200);
    }

    private static TestClient.Answer report(Map<String, String> headers, byte[] body)
            throws Exception {
        return fleet().client.send("POST", "/agent/v1/report", headers, body);
    }

    @Test
    void filesOfTheRepositoryAreHandedOutAndNoOthers() throws Exception {
        assertThat(fleet().client.get("/repository/metadata/timestamp.json", Map.of()).body())
                .isEqualTo(Files.readAllBytes(data.resolve("repository/metadata/timestamp.json")));
        Files.createSymbolicLink(
                data.resolve("repository/metadata/link.json"), data.resolve("tls/key.pem"));
        Files.createSymbolicLink(data.resolve("repository/folder"), data.resolve("tls"));
        for (String path :
                List.of(
                        "metadata/link.json",
                        "folder/key.pem",
                        "metadata",
                        "",
                        "..",
                        "../tls/key.pem",
                        "%2e%2e/tls/key.pem",
                        "..%2ftls%2fkey.pem",
                        "metadata/..%2f..%2ftls/key.pem",
                        "metadata/timestamp.json%00",
                        "metadata/.timestamp.json",
                        "/etc/passwd",
                        "%2fetc%2fpasswd",
                        "metadata/9.root.json")) {
            assertThat(
                            raw(
                                    "GET /repository/"
                                            + path
                                            + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
                    .as(path)
                    .doesNotContain("HTTP/1.1 200", "PRIVATE KEY", "HTTP/1.1 500");
        }
    }

    private static String raw(String request) throws Exception {
        try (Socket socket = connect()) {
            write(socket.getOutputStream(), request);
            return readAll(socket);
        }
    }

    private static Socket connect() throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(
                null,
                new TrustManager[] {new TestClient.Pinned(fleet().server.fingerprint())},
                null);
        return context.getSocketFactory().createSocket("127.0.0.1", fleet().server.port());
    }

    private static void write(OutputStream out, String text) throws IOException {
        out.write(text.getBytes(StandardCharsets.ISO_8859_1));
        out.flush();
    }

    private static String readAll(Socket socket) throws IOException {
        socket.setSoTimeout(15_000);
        StringBuilder text = new StringBuilder();
        byte[] buffer = new byte[1 << 14];
        try {
            for (int n = socket.getInputStream().read(buffer);
                    n >= 0;
                    n = socket.getInputStream().read(buffer)) {
                text.append(new String(buffer, 0, n, StandardCharsets.ISO_8859_1));
            }
        } catch (IOException e) {
            // What came before the connection was reset counts.
        }
        return text.toString();
    }
}
