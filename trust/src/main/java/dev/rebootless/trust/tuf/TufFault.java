package dev.rebootless.trust.tuf;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;

/**
 * Metadata or a target that a host must not believe. Named for the attack that it may be
 * (specification, section 1.5.2), though a mistake of whoever publishes looks the same.
 */
public final class TufFault extends RebootlessException {
    private final Attack attack;

    private TufFault(Attack attack, String place, String message) {
        super(ExitStatus.REFUSED, new Problem(attack.code, place, message, attack.remedy));
        this.attack = attack;
    }

    /** What it may be. */
    public enum Attack {
        /** Something unsigned, or signed by too few of those who may. */
        ARBITRARY_SOFTWARE(
                "RBL-TUF-SIGNATURES",
                "do not use this repository; tell whoever runs it, over another way"),
        /** An older version than the one that is known, or another of the same number. */
        ROLLBACK("RBL-TUF-ROLLBACK", "do not use this repository until it serves what it did"),
        /** Metadata that have expired: newer ones are kept from the host, or nobody signs. */
        FREEZE(
                "RBL-TUF-EXPIRED",
                "see that this machine's clock is right; then whoever publishes has to sign anew"),
        /** Parts that were never published together. */
        MIX_AND_MATCH(
                "RBL-TUF-MIXED",
                "try again in a minute; if it stays so, do not use the repository"),
        /** More bytes than there can be. */
        ENDLESS_DATA("RBL-TUF-TOO-LONG", "do not use this repository"),
        /** Bytes that are not the ones that were signed. */
        WRONG_CONTENT("RBL-TUF-HASH", "try again; if it stays so, do not use the repository"),
        /** What is no metadata of the kind that it should be. */
        MALFORMED("RBL-TUF-FORMAT", "do not use this repository; a newer agent may read it"),
        /** What must be there and is not. */
        MISSING("RBL-TUF-MISSING", "see whether the address is right, and try again");

        private final String code;
        private final String remedy;

        Attack(String code, String remedy) {
            this.code = code;
            this.remedy = remedy;
        }

        /** A fault of this kind at a place. */
        public TufFault of(String place, String message) {
            return new TufFault(this, place, message);
        }
    }

    /** What it may be. */
    public Attack attack() {
        return attack;
    }
}
