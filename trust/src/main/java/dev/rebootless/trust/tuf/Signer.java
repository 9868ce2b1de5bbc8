package dev.rebootless.trust.tuf;

import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;

/** Whoever holds a key and signs with it: on this machine, or elsewhere. */
public interface Signer {
    /** The key that others verify with. */
    PublicKey key();

    /** An Ed25519 signature. */
    byte[] sign(byte[] bytes);

    /** A new key, held in memory. */
    static Signer generated() {
        try {
            return of(KeyPairGenerator.getInstance("Ed25519").generateKeyPair());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A key pair that is held in memory. */
    static Signer of(KeyPair pair) {
        PublicKey key = PublicKey.of(pair.getPublic());
        return new Signer() {
            @Override
            public PublicKey key() {
                return key;
            }

            @Override
            public byte[] sign(byte[] bytes) {
                try {
                    Signature signature = Signature.getInstance("Ed25519");
                    signature.initSign(pair.getPrivate());
                    signature.update(bytes);
                    return signature.sign();
                } catch (GeneralSecurityException e) {
                    throw new IllegalStateException(e);
                }
            }
        };
    }
}
