package dev.rebootless.fleet.agent;

import dev.rebootless.base.Hashes;
import dev.rebootless.fleet.web.HttpFault;
import dev.rebootless.fleet.web.Request;
import dev.rebootless.fleet.web.Texts;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * Whether a message is of the host that it names (docs/contract-fleet.md, "What is signed with that
 * key"). No database is asked: whoever sends what is not signed costs a hash.
 */
public final class Authentication {
    private static final Pattern SEQUENCE = Pattern.compile("[1-9][0-9]{0,15}");
    private static final Pattern SIGNATURE = Pattern.compile("[0-9a-f]{64}");
    private static final long HIGHEST_SEQUENCE = 1L << 53;

    private final HostKeys keys;
    private final HostLimits limits = new HostLimits();

    /** By keys. */
    public Authentication(HostKeys keys) {
        this.keys = keys;
    }

    /**
     * An authentic message.
     *
     * @param host that signed it
     * @param sequence of it
     * @param bodySha256 of its body
     */
    public record Message(UUID host, long sequence, byte[] bodySha256) {}

    /**
     * Verifies a request.
     *
     * @throws HttpFault 401; 429 when the host sends too many
     */
    public Message require(Request request) {
        UUID host =
                Texts.uuid(header(request, "Rebootless-Host"))
                        .orElseThrow(
                                () -> HttpFault.notUnderstood("Rebootless-Host", "is no UUID"));
        String sequence = header(request, "Rebootless-Sequence");
        if (!SEQUENCE.matcher(sequence).matches() || Long.parseLong(sequence) > HIGHEST_SEQUENCE) {
            throw HttpFault.notUnderstood("Rebootless-Sequence", "is no number from 1 to 2^53");
        }
        String signature = header(request, "Rebootless-Signature");
        if (!SIGNATURE.matcher(signature).matches()) {
            throw HttpFault.notUnderstood(
                    "Rebootless-Signature", "is not 32 bytes in lower-case hexadecimal");
        }
        String name = header(request, "Rebootless-Key");
        byte[] key =
                keys.find(host, name, request.now())
                        .orElseThrow(
                                () -> AgentFaults.key("the key has expired, or is not from here"));
        byte[] body = Hashes.sha256().digest(request.body());
        byte[] right = HostKeys.hmac(key, signed(request.path(), host, name, sequence, body));
        if (!MessageDigest.isEqual(right, HexFormat.of().parseHex(signature))) {
            throw AgentFaults.signature(request.path());
        }
        limits.count(host, request.now());
        return new Message(host, Long.parseLong(sequence), body);
    }

    private static String signed(String path, UUID host, String key, String sequence, byte[] body) {
        return "rebootless-1\n%s\n%s\n%s\n%s\n%s\n"
                .formatted(path, host, key, sequence, HexFormat.of().formatHex(body));
    }

    private static String header(Request request, String name) {
        return request.headers()
                .one(name)
                .orElseThrow(() -> HttpFault.notUnderstood(name, "the header is missing"));
    }
}
