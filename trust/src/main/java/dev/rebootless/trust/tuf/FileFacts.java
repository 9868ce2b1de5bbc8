package dev.rebootless.trust.tuf;

import dev.rebootless.base.Hashes;
import java.util.Map;
import java.util.TreeMap;

/**
 * The bytes that a file has.
 *
 * @param length in bytes
 * @param sha256 in hexadecimal
 */
public record FileFacts(long length, String sha256) {
    public FileFacts {
        if (length < 0 || !sha256.matches("[0-9a-f]{64}")) {
            throw TufFault.Attack.MALFORMED.of("hashes", "no length, or no SHA-256");
        }
    }

    /** Of a file's content. */
    public static FileFacts of(byte[] content) {
        return new FileFacts(content.length, Hashes.sha256(content));
    }

    static FileFacts of(Fields fields) {
        return new FileFacts(fields.number("length"), fields.object("hashes").text("sha256"));
    }

    Map<String, Object> fields() {
        Map<String, Object> fields = new TreeMap<>();
        fields.put("length", length);
        fields.put("hashes", Map.of("sha256", sha256));
        return fields;
    }

    /**
     * Makes sure of it.
     *
     * @throws TufFault {@code RBL-TUF-HASH}
     */
    public void require(byte[] content, String place) {
        if (!of(content).equals(this)) {
            throw TufFault.Attack.WRONG_CONTENT.of(
                    place, "its bytes are not the ones that were signed");
        }
    }
}
