package dev.rebootless.trust.tuf;

import dev.rebootless.base.Hashes;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;

/**
 * An Ed25519 key of a role (RFC 8032; specification, section 4.2, "ed25519").
 *
 * @param raw its 32 bytes, in hexadecimal
 */
public record PublicKey(String raw) {
    private static final int BYTES = 32;
    private static final String TYPE = "ed25519";

    /**
     * What stands before the 32 bytes in the encoding that Java reads: SubjectPublicKeyInfo with
     * the algorithm 1.3.101.112 (RFC 8410, sections 3 and 4).
     */
    private static final String SPKI = "302a300506032b6570032100";

    /**
     * The y coordinates of the points of small order, in all their encodings, under whose "keys"
     * anybody's signature verifies (Cremers, Jackson: "Prime, Order Please!", table 1).
     */
    private static final Set<String> SMALL_ORDER =
            Set.of(
                    "00".repeat(BYTES),
                    "01" + "00".repeat(BYTES - 1),
                    "ec" + "ff".repeat(BYTES - 2) + "7f",
                    "ed" + "ff".repeat(BYTES - 2) + "7f",
                    "ee" + "ff".repeat(BYTES - 2) + "7f",
                    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a");

    public PublicKey {
        if (!raw.matches("[0-9a-f]{" + 2 * BYTES + "}")) {
            throw TufFault.Attack.MALFORMED.of(TYPE, "a key is 32 bytes in hexadecimal");
        }
        byte[] y = HexFormat.of().parseHex(raw);
        // The highest bit is the sign of x (RFC 8032, section 5.1.2).
        y[BYTES - 1] &= 0x7f;
        if (SMALL_ORDER.contains(HexFormat.of().formatHex(y))) {
            throw TufFault.Attack.MALFORMED.of(TYPE, "anybody can sign for this key");
        }
    }

    /** The key of a key pair. */
    public static PublicKey of(java.security.PublicKey key) {
        String encoded = HexFormat.of().formatHex(key.getEncoded());
        if (!encoded.startsWith(SPKI)) {
            throw TufFault.Attack.MALFORMED.of(key.getAlgorithm(), "is no Ed25519 key");
        }
        return new PublicKey(encoded.substring(SPKI.length()));
    }

    /** From metadata. */
    static PublicKey of(Fields fields) {
        if (!fields.text("keytype").equals(TYPE) || !fields.text("scheme").equals(TYPE)) {
            throw TufFault.Attack.MALFORMED.of(
                    fields.place(), "only keys of the type and scheme ed25519 are read");
        }
        return new PublicKey(fields.object("keyval").text("public"));
    }

    /** As it stands in metadata. */
    Map<String, Object> fields() {
        return Map.of("keytype", TYPE, "scheme", TYPE, "keyval", Map.of("public", raw));
    }

    /**
     * Its name: the SHA-256 of its canonical form in hexadecimal (specification, section 4.2,
     * KEYID). It is computed here and never believed.
     */
    public String id() {
        return Hashes.sha256(CanonicalJson.bytes(fields()));
    }

    /** Whether a signature of some bytes is this key's. */
    public boolean verifies(byte[] signed, byte[] signature) {
        try {
            Signature verifier = Signature.getInstance("Ed25519");
            verifier.initVerify(
                    KeyFactory.getInstance("Ed25519")
                            .generatePublic(
                                    new X509EncodedKeySpec(HexFormat.of().parseHex(SPKI + raw))));
            verifier.update(signed);
            return verifier.verify(signature);
        } catch (GeneralSecurityException e) {
            // Bytes that are no signature, or no point of the curve, verify nothing.
            return false;
        }
    }
}
