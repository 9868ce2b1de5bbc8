package dev.rebootless.fleet.web;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Map;
import java.util.SequencedMap;

/**
 * What a request is answered with.
 *
 * @param status of HTTP
 * @param type of the content
 * @param headers besides
 * @param content the body
 */
public record Answer(int status, String type, Map<String, String> headers, Content content) {
    /** A body. */
    public sealed interface Content {}

    /** One that is there. */
    public record Bytes(byte[] bytes) implements Content {}

    /**
     * One that is written as it is sent.
     *
     * @param length in bytes
     */
    public record Stream(long length, Writer writer) implements Content {}

    /** Writes a body. */
    @FunctionalInterface
    public interface Writer {
        /** Writes all of it. */
        void to(OutputStream out) throws IOException;
    }

    /** A JSON document with {@code schemaVersion} 1. */
    public static Answer document(SequencedMap<String, ?> fields) {
        return json(Json.write(Json.document(fields)));
    }

    /** A JSON document that is there as bytes. */
    public static Answer json(byte[] document) {
        return new Answer(200, "application/json", Map.of(), new Bytes(document));
    }

    /** Text. */
    public static Answer text(String type, String text) {
        return new Answer(
                200,
                type,
                Map.of(),
                new Bytes(text.getBytes(java.nio.charset.StandardCharsets.UTF_8)));
    }

    /** The same with another status. */
    public Answer withStatus(int other) {
        return new Answer(other, type, headers, content);
    }
}
