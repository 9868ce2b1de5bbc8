package dev.rebootless.host.agent;

import dev.rebootless.trust.tuf.PublicKey;
import dev.rebootless.trust.tuf.Signer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.interfaces.EdECPrivateKey;
import java.security.spec.NamedParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Optional;

/**
 * This host's key pair (Ed25519, RFC 8032). Only the private key is kept, as PKCS #8 in PEM (RFC
 * 8410, section 7; RFC 7468); the public one comes out of it.
 */
final class Identity {
    static final String FILE = "identity.pem";
    private static final String BEGIN = "-----BEGIN PRIVATE KEY-----";
    private static final String END = "-----END PRIVATE KEY-----";

    private final byte[] pkcs8;
    private final Signer signer;

    private Identity(byte[] pkcs8, KeyPair pair) {
        this.pkcs8 = pkcs8;
        this.signer = Signer.of(pair);
    }

    /** A new one. */
    static Identity generate() {
        try {
            byte[] seed = new byte[32];
            new SecureRandom().nextBytes(seed);
            return of(pkcs8(seed));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK has Ed25519", e);
        }
    }

    /** What stands before the 32 bytes (RFC 8410, section 7): OneAsymmetricKey, version 0. */
    private static final String PREFIX = "302e020100300506032b657004220420";

    private static byte[] pkcs8(byte[] seed) {
        return HexFormat.of().parseHex(PREFIX + HexFormat.of().formatHex(seed));
    }

    private static Identity of(byte[] pkcs8) throws GeneralSecurityException {
        PrivateKey key =
                KeyFactory.getInstance("Ed25519").generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
        byte[] seed = ((EdECPrivateKey) key).getBytes().orElseThrow();
        // The JDK computes a public key only while it makes a pair, of the bytes it gets for it.
        KeyPairGenerator generator = KeyPairGenerator.getInstance("Ed25519");
        generator.initialize(NamedParameterSpec.ED25519, new Fixed(seed));
        KeyPair pair = generator.generateKeyPair();
        if (!Arrays.equals(((EdECPrivateKey) pair.getPrivate()).getBytes().orElseThrow(), seed)) {
            throw new IllegalStateException("this JDK makes Ed25519 keys in another way");
        }
        return new Identity(pkcs8, pair);
    }

    /** Gives bytes that are known. */
    private static final class Fixed extends SecureRandom {
        private final transient byte[] bytes;

        Fixed(byte[] bytes) {
            this.bytes = bytes;
        }

        @Override
        public void nextBytes(byte[] out) {
            System.arraycopy(bytes, 0, out, 0, out.length);
        }
    }

    /** As it is kept. */
    byte[] pem() {
        return (BEGIN
                        + "\n"
                        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(pkcs8)
                        + "\n"
                        + END
                        + "\n")
                .getBytes(StandardCharsets.US_ASCII);
    }

    /** Reads a kept one; empty when it is none. */
    static Optional<Identity> parse(byte[] pem) {
        String text = new String(pem, StandardCharsets.US_ASCII).strip();
        if (!text.startsWith(BEGIN) || !text.endsWith(END)) {
            return Optional.empty();
        }
        try {
            String body = text.substring(BEGIN.length(), text.length() - END.length());
            return Optional.of(of(Base64.getMimeDecoder().decode(body)));
        } catch (GeneralSecurityException | RuntimeException e) {
            // Whatever it is, it is no such key.
            return Optional.empty();
        }
    }

    /** Where it is kept; this is the key of no one else. */
    static Identity in(AgentFolder folder) {
        byte[] pem = folder.read(FILE).orElseThrow(() -> folder.damaged(FILE, "it is not there"));
        return parse(pem).orElseThrow(() -> folder.damaged(FILE, "it is no Ed25519 key"));
    }

    /** The public key's 32 bytes, in hexadecimal. */
    String publicKey() {
        PublicKey key = signer.key();
        return key.raw();
    }

    /** A signature of a text, in hexadecimal. */
    String sign(String text) {
        return HexFormat.of().formatHex(signer.sign(text.getBytes(StandardCharsets.UTF_8)));
    }
}
