package dev.rebootless.host.agent;

import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** This host's messages to its server, each signed with a key that lives for a day. */
final class FleetSession {
    static final String SEQUENCE = "sequence";
    private static final String KEY = "key.json";
    private static final Pattern KEY_ID = Pattern.compile("[A-Za-z0-9._-]{1,64}");

    /** A key that ends soon might end on its way. */
    private static final Duration LEAST_LIFE = Duration.ofMinutes(5);

    private static final int NONCE_BYTES = 16;
    private static final int NOT_AUTHENTIC = 401;

    private final AgentFolder folder;
    private final Settings settings;
    private final Identity identity;
    private final FleetServer server;
    private final Clock clock;

    FleetSession(AgentFolder folder, Settings settings, FleetServer server, Clock clock) {
        this.folder = folder;
        this.settings = settings;
        this.identity = Identity.in(folder);
        this.server = server;
        this.clock = clock;
    }

    /**
     * @param key 32 bytes in hexadecimal
     */
    private record Key(String id, String key, Instant expires) {
        static Key of(Answer answer) {
            return new Key(
                    answer.text("keyId", KEY_ID),
                    answer.text("key", Answer.SHA256),
                    answer.moment("expires"));
        }

        /** Not that of a record, which would say the key. */
        @Override
        public String toString() {
            return "key " + id;
        }
    }

    /**
     * Sends a message.
     *
     * @throws ServerRefusal when the server says no
     */
    Answer post(String path, byte[] body) {
        try {
            return post(path, body, key().orElseGet(this::newKey));
        } catch (ServerRefusal e) {
            if (e.httpStatus() != NOT_AUTHENTIC || !e.has("RBL-FLEET-KEY")) {
                throw e;
            }
            return post(path, body, newKey());
        }
    }

    Answer post(String path, AgentJson body) {
        return post(path, body.text().getBytes(StandardCharsets.UTF_8));
    }

    private Answer post(String path, byte[] body, Key key) {
        return server.post(
                path,
                body,
                FleetServer.MAX_ANSWER,
                () -> {
                    long sequence = nextSequence();
                    return Map.of(
                            "Rebootless-Host",
                            settings.host(),
                            "Rebootless-Key",
                            key.id(),
                            "Rebootless-Sequence",
                            String.valueOf(sequence),
                            "Rebootless-Signature",
                            signature(path, key, sequence, body));
                });
    }

    private String signature(String path, Key key, long sequence, byte[] body) {
        String text =
                String.join(
                        "\n",
                        "rebootless-1",
                        path,
                        settings.host(),
                        key.id(),
                        String.valueOf(sequence),
                        Hashes.sha256(body),
                        "");
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(HexFormat.of().parseHex(key.key()), "HmacSHA256"));
            return HexFormat.of().formatHex(mac.doFinal(text.getBytes(StandardCharsets.UTF_8)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK has HmacSHA256", e);
        }
    }

    /** On the disk before the message goes: no number is ever used twice. */
    private long nextSequence() {
        byte[] file =
                folder.read(SEQUENCE)
                        .orElseThrow(() -> folder.damaged(SEQUENCE, "it is not there"));
        String text = new String(file, StandardCharsets.US_ASCII).strip();
        long last = text.matches("[0-9]{1,16}") ? Long.parseLong(text) : Answer.MAX_NUMBER;
        if (last >= Answer.MAX_NUMBER) {
            throw folder.damaged(SEQUENCE, "it holds no number of a message");
        }
        folder.write(SEQUENCE, (last + 1 + "\n").getBytes(StandardCharsets.US_ASCII));
        return last + 1;
    }

    private Optional<Key> key() {
        try {
            return folder.document(KEY)
                    .map(Key::of)
                    .filter(key -> clock.instant().plus(LEAST_LIFE).isBefore(key.expires()));
        } catch (RebootlessException e) {
            // A damaged one is replaced as one that has ended.
            return Optional.empty();
        }
    }

    private Key newKey() {
        String time = clock.instant().truncatedTo(ChronoUnit.SECONDS).toString();
        byte[] nonce = new byte[NONCE_BYTES];
        new SecureRandom().nextBytes(nonce);
        String hex = HexFormat.of().formatHex(nonce);
        AgentJson message =
                AgentJson.document()
                        .put("host", settings.host())
                        .put("time", time)
                        .put("nonce", hex)
                        .put(
                                "signature",
                                identity.sign(
                                        String.join(
                                                "\n",
                                                "rebootless-key-1",
                                                settings.host(),
                                                time,
                                                hex,
                                                "")));
        Answer answer =
                server.post(
                        "/agent/v1/key",
                        message.text().getBytes(StandardCharsets.UTF_8),
                        FleetServer.MAX_ANSWER,
                        Map::of);
        Key key = Key.of(answer);
        folder.writeSecret(
                KEY,
                AgentJson.document()
                        .put("keyId", key.id())
                        .put("key", key.key())
                        .put("expires", key.expires().toString())
                        .text()
                        .getBytes(StandardCharsets.UTF_8));
        return key;
    }
}
