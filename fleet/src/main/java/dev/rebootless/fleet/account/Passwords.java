package dev.rebootless.fleet.account;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.concurrent.Semaphore;
import org.bouncycastle.crypto.generators.Argon2BytesGenerator;
import org.bouncycastle.crypto.params.Argon2Parameters;

/**
 * Hashes of passwords: Argon2id (RFC 9106), in the form {@code
 * $argon2id$v=19$m=KIB,t=PASSES,p=1$SALT$HASH} that other programs write too, Base64 without
 * padding.
 */
final class Passwords {
    /** The OWASP Password Storage Cheat Sheet's first choice: 19 MiB, two passes, one lane. */
    private static final int KIBIBYTES = 19 << 10;

    private static final int PASSES = 2;
    private static final int SALT_BYTES = 16;
    private static final int HASH_BYTES = 32;

    /** Each needs its 19 MiB of a heap that is small. */
    private static final Semaphore AT_ONCE = new Semaphore(2);

    /** Of no password; whoever names an account that is not there waits as long. */
    private static final String NOBODY = hash("");

    private Passwords() {}

    /** Hashes a password with a new salt. */
    static String hash(String password) {
        byte[] salt = new byte[SALT_BYTES];
        new SecureRandom().nextBytes(salt);
        Base64.Encoder base64 = Base64.getEncoder().withoutPadding();
        return "$argon2id$v=19$m=%d,t=%d,p=1$%s$%s"
                .formatted(
                        KIBIBYTES,
                        PASSES,
                        base64.encodeToString(salt),
                        base64.encodeToString(argon2(password, salt)));
    }

    /** Whether a password is that of a hash. */
    static boolean matches(String password, String hash) {
        String[] parts = hash.split("\\$");
        byte[] salt = Base64.getDecoder().decode(parts[4]);
        return MessageDigest.isEqual(Base64.getDecoder().decode(parts[5]), argon2(password, salt));
    }

    /** Takes as long as {@link #matches}. */
    static void matchNobody(String password) {
        var _ = matches(password, NOBODY);
    }

    private static byte[] argon2(String password, byte[] salt) {
        AT_ONCE.acquireUninterruptibly();
        try {
            Argon2BytesGenerator generator = new Argon2BytesGenerator();
            generator.init(
                    new Argon2Parameters.Builder(Argon2Parameters.ARGON2_id)
                            .withVersion(Argon2Parameters.ARGON2_VERSION_13)
                            .withMemoryAsKB(KIBIBYTES)
                            .withIterations(PASSES)
                            .withParallelism(1)
                            .withSalt(salt)
                            .build());
            byte[] hash = new byte[HASH_BYTES];
            generator.generateBytes(password.getBytes(StandardCharsets.UTF_8), hash);
            return hash;
        } finally {
            AT_ONCE.release();
        }
    }
}
