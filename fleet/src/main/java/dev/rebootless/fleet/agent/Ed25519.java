package dev.rebootless.fleet.agent;

import dev.rebootless.trust.tuf.PublicKey;
import dev.rebootless.trust.tuf.TufFault;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.HexFormat;

/** Signatures of hosts (RFC 8032). */
final class Ed25519 {
    /** What stands before a key's 32 bytes in the form that Java reads (RFC 8410). */
    private static final String SPKI = "302a300506032b6570032100";

    private Ed25519() {}

    /** Whether bytes are a key under which not just anybody's signature verifies. */
    static boolean isKey(byte[] key) {
        try {
            var _ = new PublicKey(HexFormat.of().formatHex(key));
            return true;
        } catch (TufFault e) {
            return false;
        }
    }

    static boolean verifies(byte[] key, String signed, byte[] signature) {
        try {
            Signature verifier = Signature.getInstance("Ed25519");
            verifier.initVerify(
                    KeyFactory.getInstance("Ed25519")
                            .generatePublic(
                                    new X509EncodedKeySpec(
                                            HexFormat.of()
                                                    .parseHex(
                                                            SPKI
                                                                    + HexFormat.of()
                                                                            .formatHex(key)))));
            verifier.update(signed.getBytes(StandardCharsets.UTF_8));
            return verifier.verify(signature);
        } catch (GeneralSecurityException e) {
            // No point of the curve, or no signature at all.
            return false;
        }
    }
}
