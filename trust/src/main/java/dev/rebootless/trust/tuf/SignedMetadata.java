package dev.rebootless.trust.tuf;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Metadata and who signed them (specification, section 4.2.1, "File formats: general principles").
 *
 * @param metadata as the signatures cover them
 * @param signatures by the names of keys
 */
public record SignedMetadata(Metadata metadata, List<KeySignature> signatures) {
    public SignedMetadata {
        signatures = List.copyOf(signatures);
    }

    /**
     * One signature.
     *
     * @param value in hexadecimal
     */
    public record KeySignature(String keyId, String value) {}

    /** More signatures than that are no list of those who may sign. */
    private static final int MAX_SIGNATURES = 64;

    /**
     * Signs.
     *
     * @param signers each once
     */
    public static SignedMetadata of(Metadata metadata, List<? extends Signer> signers) {
        byte[] canonical = CanonicalJson.bytes(metadata.fields());
        List<KeySignature> signatures = new ArrayList<>();
        for (Signer signer : signers) {
            signatures.add(
                    new KeySignature(
                            signer.key().id(), HexFormat.of().formatHex(signer.sign(canonical))));
        }
        return new SignedMetadata(metadata, signatures);
    }

    /** With the signatures of others beside its own, who hold their keys elsewhere. */
    public SignedMetadata with(List<? extends Signer> more) {
        List<KeySignature> all = new ArrayList<>(signatures);
        all.addAll(of(metadata, more).signatures());
        return new SignedMetadata(metadata, all);
    }

    /** As a file. */
    public byte[] bytes() {
        Map<String, Object> file = new TreeMap<>();
        file.put("signed", metadata.fields());
        file.put(
                "signatures",
                signatures.stream()
                        .map(s -> Map.<String, Object>of("keyid", s.keyId(), "sig", s.value()))
                        .toList());
        return CanonicalJson.bytes(file);
    }

    /**
     * Reads a file and makes sure that enough of those who may have signed what it says. What is
     * returned is what the signatures cover, and nothing else of the file.
     *
     * @param place for messages
     * @param type that it must be
     * @param verifier who may
     * @throws TufFault {@code RBL-TUF-FORMAT}, {@code RBL-TUF-SIGNATURES}
     */
    static Metadata verified(byte[] file, String place, TufRole type, Verifier verifier) {
        Fields fields = new Fields(place, CanonicalJson.parse(file, place));
        SignedMetadata read = read(fields, type);
        byte[] canonical = CanonicalJson.bytes(fields.object("signed").fields());
        int signed = verifier.count(canonical, read.signatures());
        if (signed < verifier.role().threshold()) {
            throw TufFault.Attack.ARBITRARY_SOFTWARE.of(
                    place,
                    "%d of the %d who must sign it did"
                            .formatted(signed, verifier.role().threshold()));
        }
        return read.metadata();
    }

    /** Reads a file without believing it. */
    public static SignedMetadata read(byte[] file, String place, TufRole type) {
        return read(new Fields(place, CanonicalJson.parse(file, place)), type);
    }

    private static SignedMetadata read(Fields fields, TufRole type) {
        List<KeySignature> signatures = new ArrayList<>();
        for (Fields each : fields.list("signatures")) {
            signatures.add(new KeySignature(each.text("keyid"), each.text("sig")));
        }
        if (signatures.size() > MAX_SIGNATURES) {
            throw TufFault.Attack.MALFORMED.of(fields.place(), "it has too many signatures");
        }
        return new SignedMetadata(Metadata.of(type, fields.object("signed")), signatures);
    }

    /** Who may sign, with their keys. */
    record Verifier(RoleKeys role, SortedMap<String, PublicKey> keys) {
        Verifier {
            keys = new TreeMap<>(keys);
        }

        /** How many of them did; nobody counts twice, under whatever name. */
        int count(byte[] canonical, List<KeySignature> signatures) {
            Set<PublicKey> signed = new HashSet<>();
            for (KeySignature signature : signatures) {
                PublicKey key = keys.get(signature.keyId());
                if (key != null
                        && role.keys().contains(signature.keyId())
                        && signature.value().matches("(?:[0-9a-f]{2})+")
                        && key.verifies(canonical, HexFormat.of().parseHex(signature.value()))) {
                    signed.add(key);
                }
            }
            return signed.size();
        }
    }
}
