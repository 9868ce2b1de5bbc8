package dev.rebootless.fleet.agent;

import dev.rebootless.fleet.store.SecretStore;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * The keys by which hosts sign their messages. None is kept: a key is the HMAC-SHA256, under a
 * master secret that is in the database alone, of the host and of the key's name, which has the
 * secret's generation and the second when the key expires. So every process can tell every key, and
 * no host can make one that lasts longer.
 */
public final class HostKeys {
    /** docs/contract-fleet.md, "POST /agent/v1/key". */
    public static final Duration LASTS = Duration.ofDays(1);

    private static final String HMAC = "HmacSHA256";
    private static final Pattern NAME = Pattern.compile("([1-9][0-9]{0,8})\\.([1-9][0-9]{0,11})");

    private final SecretStore secrets;
    private final Map<Integer, byte[]> masters = new ConcurrentHashMap<>();
    private final int newest;

    /** Makes the first master secret where there is none. */
    public HostKeys(SecretStore secrets) {
        this.secrets = secrets;
        byte[] fresh = new byte[32];
        new SecureRandom().nextBytes(fresh);
        SecretStore.Secret secret = secrets.newest(fresh);
        masters.put(secret.generation(), secret.master());
        this.newest = secret.generation();
    }

    /**
     * A key.
     *
     * @param name for the header {@code Rebootless-Key}
     * @param key 32 bytes
     * @param expires when it ends
     */
    public record Key(String name, byte[] key, Instant expires) {}

    /** A key for a host. */
    public Key issue(UUID host, Instant now) {
        Instant expires = Instant.ofEpochSecond(now.plus(LASTS).getEpochSecond());
        String name = newest + "." + expires.getEpochSecond();
        return new Key(name, derive(masters.get(newest), host, name), expires);
    }

    /** The key of a name; empty when it has expired, or nobody ever gave it. */
    public Optional<byte[]> find(UUID host, String name, Instant now) {
        Matcher matcher = NAME.matcher(name);
        if (!matcher.matches() || Long.parseLong(matcher.group(2)) <= now.getEpochSecond()) {
            return Optional.empty();
        }
        return master(Integer.parseInt(matcher.group(1))).map(master -> derive(master, host, name));
    }

    private Optional<byte[]> master(int generation) {
        byte[] known = masters.get(generation);
        if (known != null) {
            return Optional.of(known);
        }
        // A newer one than this process started with. Guesses are not remembered.
        if (generation <= newest) {
            return Optional.empty();
        }
        Optional<byte[]> found = secrets.of(generation).map(SecretStore.Secret::master);
        found.ifPresent(master -> masters.put(generation, master));
        return found;
    }

    private static byte[] derive(
            byte @org.jspecify.annotations.Nullable [] master, UUID host, String name) {
        if (master == null) {
            throw new IllegalStateException("the master secret is gone");
        }
        return hmac(master, "rebootless-host-key-1\n" + host + "\n" + name + "\n");
    }

    /** HMAC-SHA256 (RFC 2104) of a text in UTF-8. */
    static byte[] hmac(byte[] key, String text) {
        try {
            Mac mac = Mac.getInstance(HMAC);
            mac.init(new SecretKeySpec(key, HMAC));
            return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK has HMAC-SHA256", e);
        }
    }
}
