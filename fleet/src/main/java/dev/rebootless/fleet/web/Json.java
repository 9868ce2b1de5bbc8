package dev.rebootless.fleet.web;

import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** JSON as the API speaks it. What is read may be anybody's: it is bounded in every direction. */
public final class Json {
    /** No document of the contract is nested deeper than half of it. */
    private static final int MAX_DEPTH = 24;

    private static final int MAX_TEXT = 256 << 10;
    private static final int MAX_NAME = 200;
    private static final int MAX_NUMBER = 40;

    private static final JsonMapper MAPPER =
            JsonMapper.builder(
                            JsonFactory.builder()
                                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                                    .streamReadConstraints(
                                            StreamReadConstraints.builder()
                                                    .maxNestingDepth(MAX_DEPTH)
                                                    .maxStringLength(MAX_TEXT)
                                                    .maxNameLength(MAX_NAME)
                                                    .maxNumberLength(MAX_NUMBER)
                                                    .build())
                                    .build())
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build();

    private Json() {}

    /**
     * Reads an object of {@code schemaVersion} 1.
     *
     * @param place for messages
     * @throws HttpFault 400 {@code RBL-FLEET-REQUEST}
     */
    public static Fields read(byte[] body, String place) {
        JsonNode node;
        try {
            node = MAPPER.readTree(body);
        } catch (JacksonException e) {
            throw HttpFault.notUnderstood(
                    place,
                    "the body is no JSON: "
                            + String.valueOf(e.getOriginalMessage())
                                    .lines()
                                    .findFirst()
                                    .orElse(""));
        }
        if (node == null || !node.isObject()) {
            throw HttpFault.notUnderstood(place, "the body is no JSON object");
        }
        Fields fields = new Fields(place, node);
        if (fields.number("schemaVersion", 0, Long.MAX_VALUE) != 1) {
            throw HttpFault.notUnderstood(place, "only schemaVersion 1 is understood here");
        }
        return fields;
    }

    /** Writes a document. */
    public static byte[] write(Object document) {
        return MAPPER.writeValueAsBytes(document);
    }

    /** Reads what was written here before. */
    public static JsonNode tree(byte[] document) {
        return MAPPER.readTree(document);
    }

    /** A document with fields of {@code schemaVersion} 1. */
    public static Map<String, Object> document(Map<String, ?> fields) {
        Map<String, Object> document = new java.util.LinkedHashMap<>();
        document.put("schemaVersion", 1);
        document.putAll(fields);
        return document;
    }

    /** The document of a failure. */
    public static byte[] failure(dev.rebootless.base.RebootlessException failure) {
        Map<String, Object> fields = new java.util.LinkedHashMap<>();
        fields.put("exitStatus", failure.status().code());
        fields.put("problems", List.copyOf(failure.problems()));
        return write(document(fields));
    }
}
