package dev.rebootless.host;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.rebootless.base.Hashes;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Deque;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A server that does what docs/contract-fleet.md asks of one, over real TLS: every signature is
 * verified, every sequence is held against the last. What it decides is set by a test.
 */
final class TestFleet implements AutoCloseable {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final String SPKI = "302a300506032b6570032100";
    private static Optional<KeyStore> keys = Optional.empty();

    private final HttpsServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final TestReleases releases;
    private final String fingerprint;

    final String token = "token-" + UUID.randomUUID();
    final String hostId = UUID.randomUUID().toString();
    Optional<String> publicKey = Optional.empty();
    private final Map<String, String> sessionKeys = new HashMap<>();
    long lastSequence;
    String ring = "canary";
    long interval = 1800;
    Optional<String> reverse = Optional.empty();
    Optional<String> wait = Optional.empty();
    Optional<JsonNode> facts = Optional.empty();
    Optional<String> factsHash = Optional.empty();
    boolean forgetsFacts;
    Instant now = Instant.now();
    Duration keyLife = Duration.ofDays(1);

    /** What was asked for, in order: path, and what matters of it. */
    final List<String> asked = new ArrayList<>();

    final Map<String, JsonNode> attempts = new HashMap<>();
    final Map<String, JsonNode> outcomes = new HashMap<>();

    /** Answers that come before any other: status, headers and body, of the path that has it. */
    final Deque<Canned> canned = new ArrayDeque<>();

    /** An answer that was made up before. */
    record Canned(String path, int status, Map<String, String> headers, byte[] body, boolean drop) {
        static Canned status(String path, int status, String code) {
            return new Canned(
                    path,
                    status,
                    Map.of("Retry-After", "1"),
                    problem(status, code).getBytes(StandardCharsets.UTF_8),
                    false);
        }

        static Canned body(String path, byte[] body) {
            return new Canned(path, 200, Map.of(), body, false);
        }

        /** It is done, and the answer is lost. */
        static Canned lost(String path) {
            return new Canned(path, 0, Map.of(), new byte[0], true);
        }
    }

    TestFleet(TestReleases releases) throws Exception {
        this.releases = releases;
        KeyStore store = keys();
        this.fingerprint = "SHA256:" + Hashes.sha256(store.getCertificate("server").getEncoded());
        KeyManagerFactory managers = KeyManagerFactory.getInstance("PKIX");
        managers.init(store, "changeit".toCharArray());
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(managers.getKeyManagers(), null, null);
        server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(tls));
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    /** For a name that is not this machine's: nobody may care. */
    private static synchronized KeyStore keys() throws Exception {
        if (keys.isEmpty()) {
            Path file = Files.createTempDirectory("fleet").resolve("server.p12");
            Process keytool =
                    new ProcessBuilder(
                                    System.getProperty("java.home") + "/bin/keytool",
                                    "-genkeypair",
                                    "-alias",
                                    "server",
                                    "-keyalg",
                                    "EC",
                                    "-dname",
                                    "CN=fleet.example",
                                    "-keystore",
                                    file.toString(),
                                    "-storetype",
                                    "PKCS12",
                                    "-storepass",
                                    "changeit")
                            .inheritIO()
                            .start();
            if (keytool.waitFor() != 0) {
                throw new IllegalStateException("keytool made no certificate");
            }
            KeyStore store = KeyStore.getInstance("PKCS12");
            try (InputStream in = Files.newInputStream(file)) {
                store.load(in, "changeit".toCharArray());
            }
            Files.delete(file);
            Files.delete(file.getParent());
            keys = Optional.of(store);
        }
        return keys.get();
    }

    String url() {
        return "https://localhost:" + server.getAddress().getPort();
    }

    String fingerprint() {
        return fingerprint;
    }

    private static String problem(int status, String code) {
        return "{\"schemaVersion\":1,\"exitStatus\":7,\"problems\":[{\"code\":\""
                + code
                + "\",\"place\":\"server\",\"message\":\"it says "
                + status
                + "\",\"remedy\":\"as it says\"}]}";
    }

    private static final class Refused extends Exception {
        final int status;
        final String code;

        Refused(int status, String code) {
            super(code);
            this.status = status;
            this.code = code;
        }
    }

    private synchronized void handle(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        byte[] body = exchange.getRequestBody().readAllBytes();
        Optional<Canned> made = canned.stream().filter(c -> path.startsWith(c.path())).findFirst();
        made.ifPresent(canned::remove);
        try {
            if (made.isPresent() && !made.get().drop()) {
                asked.add(path + " canned");
                made.get().headers().forEach(exchange.getResponseHeaders()::set);
                send(exchange, made.get().status(), made.get().body());
                return;
            }
            byte[] answer = answer(exchange, path, body);
            if (made.isPresent()) {
                exchange.close();
                return;
            }
            send(exchange, 200, answer);
        } catch (Refused e) {
            asked.add(path + " " + e.code);
            send(exchange, e.status, problem(e.status, e.code).getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            // The client has heard enough.
            exchange.close();
        } catch (Exception e) {
            e.printStackTrace();
            send(exchange, 500, new byte[0]);
        }
    }

    private static void send(HttpExchange exchange, int status, byte[] body) throws IOException {
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        if (body.length > 0) {
            exchange.getResponseBody().write(body);
        }
        exchange.close();
    }

    private byte[] answer(HttpExchange exchange, String path, byte[] body) throws Exception {
        if (path.startsWith("/repository/")) {
            if (!exchange.getRequestMethod().equals("GET")) {
                throw new Refused(400, "RBL-TEST-METHOD");
            }
            Path file = releases.folder.resolve(path.substring("/repository/".length()));
            asked.add(path);
            if (!Files.exists(file)) {
                throw new Refused(404, "RBL-TEST-NO-FILE");
            }
            return Files.readAllBytes(file);
        }
        if (!exchange.getRequestMethod().equals("POST")) {
            throw new Refused(400, "RBL-TEST-METHOD");
        }
        int most = path.equals("/agent/v1/report") ? 512 << 10 : 16 << 10;
        if (body.length > most) {
            throw new Refused(413, "RBL-TEST-LONG");
        }
        JsonNode message = JSON.readTree(body);
        if (message.path("schemaVersion").asInt() != 1) {
            throw new Refused(400, "RBL-TEST-VERSION");
        }
        ObjectNode answer = JSON.createObjectNode().put("schemaVersion", 1);
        switch (path) {
            case "/agent/v1/enroll" -> enrol(message, answer);
            case "/agent/v1/key" -> key(message, answer);
            default -> signed(exchange, path, body, message, answer);
        }
        answer.put("fieldOfALaterVersion", true);
        return JSON.writeValueAsBytes(answer);
    }

    private static void verify(String key, String text, String signature) throws Exception {
        Signature verifier = Signature.getInstance("Ed25519");
        verifier.initVerify(
                KeyFactory.getInstance("Ed25519")
                        .generatePublic(
                                new X509EncodedKeySpec(HexFormat.of().parseHex(SPKI + key))));
        verifier.update(text.getBytes(StandardCharsets.UTF_8));
        if (!verifier.verify(HexFormat.of().parseHex(signature))) {
            throw new Refused(401, "RBL-FLEET-SIGNATURE");
        }
    }

    private void enrol(JsonNode message, ObjectNode answer) throws Exception {
        String key = message.path("publicKey").asString();
        String machine = message.path("machine").asString();
        String given = message.path("token").asString();
        verify(
                key,
                "rebootless-enroll-1\n" + given + "\n" + key + "\n" + machine + "\n",
                message.path("signature").asString());
        if (!given.equals(token) || publicKey.filter(k -> !k.equals(key)).isPresent()) {
            throw new Refused(403, "RBL-FLEET-TOKEN");
        }
        publicKey = Optional.of(key);
        asked.add("/agent/v1/enroll " + message.path("hostname").asString());
        answer.put("host", hostId)
                .put("root", Base64.getEncoder().encodeToString(releases.firstRoot()))
                .put("intervalSeconds", interval);
    }

    private void key(JsonNode message, ObjectNode answer) throws Exception {
        String host = message.path("host").asString();
        String time = message.path("time").asString();
        String nonce = message.path("nonce").asString();
        verify(
                publicKey.orElseThrow(),
                "rebootless-key-1\n" + host + "\n" + time + "\n" + nonce + "\n",
                message.path("signature").asString());
        if (Duration.between(Instant.parse(time), now).abs().compareTo(Duration.ofMinutes(5)) > 0) {
            throw new Refused(401, "RBL-FLEET-CLOCK");
        }
        if (!host.equals(hostId) || nonce.length() != 32) {
            throw new Refused(400, "RBL-TEST-KEY");
        }
        byte[] key = new byte[32];
        new java.security.SecureRandom().nextBytes(key);
        String id = "key-" + sessionKeys.size();
        sessionKeys.put(id, HexFormat.of().formatHex(key));
        asked.add("/agent/v1/key");
        answer.put("keyId", id)
                .put("key", HexFormat.of().formatHex(key))
                .put("expires", now.plus(keyLife).toString());
    }

    /** All keys that were given out are forgotten. */
    void forgetKeys() {
        sessionKeys.clear();
    }

    private void signed(
            HttpExchange exchange, String path, byte[] body, JsonNode message, ObjectNode answer)
            throws Exception {
        long sequence = authentic(exchange, path, body);
        if (path.equals("/agent/v1/report")) {
            report(message, body, sequence, answer);
        } else if (path.equals("/agent/v1/attempts")) {
            attempt(message, answer);
        } else if (path.startsWith("/agent/v1/attempts/") && path.endsWith("/outcome")) {
            String id = path.split("/")[4];
            if (!attempts.containsKey(id)) {
                throw new Refused(404, "RBL-FLEET-ATTEMPT");
            }
            outcomes.put(id, message);
            asked.add("outcome " + message.path("outcome").asString());
            answer.put("acknowledged", sequence);
        } else {
            throw new Refused(404, "RBL-TEST-PATH");
        }
    }

    private long authentic(HttpExchange exchange, String path, byte[] body) throws Exception {
        String host = header(exchange, "Rebootless-Host");
        String keyId = header(exchange, "Rebootless-Key");
        String sequence = header(exchange, "Rebootless-Sequence");
        String key = sessionKeys.get(keyId);
        if (key == null) {
            throw new Refused(401, "RBL-FLEET-KEY");
        }
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(HexFormat.of().parseHex(key), "HmacSHA256"));
        String text =
                "rebootless-1\n"
                        + path
                        + "\n"
                        + host
                        + "\n"
                        + keyId
                        + "\n"
                        + sequence
                        + "\n"
                        + Hashes.sha256(body)
                        + "\n";
        byte[] wanted = mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
        if (!host.equals(hostId)
                || !MessageDigest.isEqual(
                        wanted,
                        HexFormat.of().parseHex(header(exchange, "Rebootless-Signature")))) {
            throw new Refused(401, "RBL-FLEET-SIGNATURE");
        }
        if (Long.parseLong(sequence) <= lastSequence) {
            throw new Refused(409, "RBL-FLEET-REPLAY");
        }
        lastSequence = Long.parseLong(sequence);
        return lastSequence;
    }

    private static String header(HttpExchange exchange, String name) {
        return Optional.ofNullable(exchange.getRequestHeaders().getFirst(name)).orElse("");
    }

    private void report(JsonNode message, byte[] body, long sequence, ObjectNode answer) {
        boolean whole = false;
        if (message.has("facts")) {
            facts = Optional.of(message.path("facts"));
            factsHash = Optional.of(Hashes.sha256(body));
            asked.add("facts");
        } else {
            whole =
                    forgetsFacts
                            || !factsHash.equals(Optional.of(message.path("unchanged").asString()));
            forgetsFacts = false;
            asked.add(whole ? "unchanged, of something else" : "unchanged");
        }
        answer.put("acknowledged", sequence)
                .put("ring", ring)
                .put("intervalSeconds", interval)
                .put("whole", whole)
                .put("reverse", reverse.orElse(null));
    }

    private void attempt(JsonNode message, ObjectNode answer) throws Refused {
        String what =
                message.path("action").asString() + " " + message.path("livepatch").asString();
        if (wait.isPresent()) {
            asked.add("attempt " + what + " has to wait");
            throw new Refused(409, wait.get());
        }
        String open =
                attempts.entrySet().stream()
                        .filter(e ->
                                !outcomes.containsKey(e.getKey()) && e.getValue().equals(message))
                        .map(Map.Entry::getKey)
                        .findFirst()
                        .orElse(UUID.randomUUID().toString());
        attempts.put(open, message);
        asked.add("attempt " + what);
        answer.put("attempt", open).put("limitSeconds", 900);
    }

    /** What was asked since the last time, without the files of the repository. */
    List<String> asked() {
        List<String> all = asked.stream().filter(a -> !a.startsWith("/repository/")).toList();
        asked.clear();
        return all;
    }

    @Override
    public void close() {
        server.stop(0);
        threads.close();
    }
}
