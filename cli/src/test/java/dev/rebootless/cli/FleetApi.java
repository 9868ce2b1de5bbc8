package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.MessageDigest;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The server's API, over TLS, with the certificate told by its fingerprint. */
final class FleetApi {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();
    private static final String PASSWORD = "a password of this test alone";

    private final String base;
    private final HttpClient client;
    private Optional<String> token = Optional.empty();

    /** What came back. */
    record Reply(int status, JsonNode document) {
        Reply requireStatus(int expected) {
            assertThat(status).as(document.toString()).isEqualTo(expected);
            return this;
        }
    }

    FleetApi(String base, String fingerprint) throws Exception {
        this.base = base;
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {new Pinned(fingerprint)}, null);
        this.client = HttpClient.newBuilder().sslContext(context).build();
    }

    /** Makes the first administrator by the one-time link, and logs in. */
    void setUp(String link) throws Exception {
        String secret = link.substring(link.indexOf("token=") + "token=".length());
        post(
                        "/setup",
                        Map.of(
                                "schemaVersion",
                                1,
                                "token",
                                secret,
                                "name",
                                "ada",
                                "password",
                                PASSWORD))
                .requireStatus(201);
        Reply session =
                post(
                        "/api/v1/sessions",
                        Map.of("schemaVersion", 1, "name", "ada", "password", PASSWORD));
        token = Optional.of(session.requireStatus(200).document().path("token").asString());
    }

    Reply get(String path) throws Exception {
        return send(request(path).GET());
    }

    Reply post(String path, Map<String, ?> body) throws Exception {
        return send(
                request(path)
                        .POST(
                                HttpRequest.BodyPublishers.ofByteArray(
                                        MAPPER.writeValueAsBytes(body))));
    }

    Reply put(String path, String body) throws Exception {
        return send(request(path).PUT(HttpRequest.BodyPublishers.ofString(body)));
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(base + path)).timeout(Duration.ofSeconds(30));
        token.ifPresent(t -> request.header("Authorization", "Bearer " + t));
        return request;
    }

    private Reply send(HttpRequest.Builder request) throws Exception {
        HttpResponse<byte[]> response =
                client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        byte[] body = response.body();
        return new Reply(
                response.statusCode(),
                body.length == 0 ? MAPPER.createObjectNode() : MAPPER.readTree(body));
    }

    /** Any name, and one certificate. */
    private static final class Pinned extends X509ExtendedTrustManager {
        private final String fingerprint;

        Pinned(String fingerprint) {
            this.fingerprint = fingerprint;
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
                throws CertificateException {
            try {
                String hash =
                        HexFormat.of()
                                .formatHex(
                                        MessageDigest.getInstance("SHA-256")
                                                .digest(chain[0].getEncoded()));
                if (!fingerprint.equals("SHA256:" + hash)) {
                    throw new CertificateException("another certificate: " + hash);
                }
            } catch (java.security.NoSuchAlgorithmException e) {
                throw new CertificateException(e);
            }
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, java.net.Socket socket)
                throws CertificateException {
            throw new CertificateException("not by way of an engine");
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type)
                throws CertificateException {
            throw new CertificateException("not by way of an engine");
        }

        @Override
        public void checkClientTrusted(
                X509Certificate[] chain, String type, java.net.Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
