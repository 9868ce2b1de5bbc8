package dev.rebootless.trust.tuf;

import io.avaje.json.JsonException;
import io.avaje.json.mapper.JsonMapper;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * JSON with one spelling for each value, so that what is signed does not depend on who wrote it:
 * keys sorted by their code points, no white space, nothing escaped but quote and backslash, whole
 * numbers only (Canonical JSON, http://wiki.laptop.org/go/Canonical_JSON, as the specification's
 * section 4.2.1 has it).
 *
 * <p>What is verified is the canonical form of the value that was read, and that value is what is
 * used: a document that two parsers read differently gains nothing.
 */
public final class CanonicalJson {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    /**
     * Beyond it a double is not exact, and the parser gives the largest long for what is larger.
     */
    private static final double EXACT = 1L << 53;

    /** A delegation's key, the deepest there is, stands 7 deep. */
    private static final int MAX_DEPTH = 16;

    private CanonicalJson() {}

    /**
     * Reads an object in its canonical form.
     *
     * @param place for messages
     * @throws TufFault {@code RBL-TUF-FORMAT}
     */
    public static Map<String, Object> parse(byte[] bytes, String place) {
        try {
            requireShallow(bytes, place);
            String text =
                    StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
            Map<String, Object> value = MAPPER.fromJsonObject(text);
            // One spelling alone: what is left out, doubled or escaped would be seen by some.
            if (!Arrays.equals(bytes(value), bytes)) {
                throw TufFault.Attack.MALFORMED.of(place, "is not in canonical form");
            }
            return value;
        } catch (CharacterCodingException e) {
            throw TufFault.Attack.MALFORMED.of(place, "is not UTF-8");
        } catch (JsonException | NumberFormatException e) {
            throw TufFault.Attack.MALFORMED.of(
                    place,
                    "is no JSON object: "
                            + String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
        } catch (IndexOutOfBoundsException e) {
            // The library's parser runs over the end of some inputs that are cut within a text.
            throw TufFault.Attack.MALFORMED.of(place, "is no JSON object: it is cut off");
        }
    }

    private static void requireShallow(byte[] bytes, String place) {
        int depth = 0;
        boolean inText = false;
        for (int i = 0; i < bytes.length; i++) {
            byte c = bytes[i];
            if (inText) {
                i += c == '\\' ? 1 : 0;
                inText = c != '"';
            } else if (c == '"') {
                inText = true;
            } else if (c == '{' || c == '[') {
                depth++;
            } else if (c == '}' || c == ']') {
                depth--;
            }
            if (depth > MAX_DEPTH) {
                throw TufFault.Attack.MALFORMED.of(place, "is nested too deeply");
            }
        }
    }

    /**
     * The canonical form.
     *
     * @param value maps with texts as keys, lists, texts, whole numbers, booleans
     * @throws TufFault {@code RBL-TUF-FORMAT} for what has none
     */
    public static byte[] bytes(Object value) {
        StringBuilder text = new StringBuilder();
        append(value, text);
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static void append(Object value, StringBuilder text) {
        switch (value) {
            case Map<?, ?> map -> {
                // Java compares UTF-16 units; the keys of this format are ASCII, where it is the
                // same.
                TreeMap<String, Object> sorted = new TreeMap<>();
                map.forEach((k, v) -> sorted.put(String.valueOf(k), require(v)));
                text.append('{');
                boolean first = true;
                for (Map.Entry<String, Object> entry : sorted.entrySet()) {
                    text.append(first ? "" : ",");
                    first = false;
                    appendText(entry.getKey(), text);
                    text.append(':');
                    append(entry.getValue(), text);
                }
                text.append('}');
            }
            case List<?> list -> {
                text.append('[');
                for (int i = 0; i < list.size(); i++) {
                    text.append(i == 0 ? "" : ",");
                    append(require(list.get(i)), text);
                }
                text.append(']');
            }
            case String string -> appendText(string, text);
            case Boolean bool -> text.append(bool);
            case Number number -> text.append(whole(number));
            default -> throw notCanonical(value.getClass().getSimpleName());
        }
    }

    private static Object require(@org.jspecify.annotations.Nullable Object value) {
        if (value == null) {
            throw notCanonical("null");
        }
        return value;
    }

    /**
     * A number that stands for a whole one.
     *
     * @throws TufFault {@code RBL-TUF-FORMAT} for any other
     */
    static long whole(Number number) {
        double value = number.doubleValue();
        if (value != Math.rint(value) || Math.abs(value) > EXACT) {
            throw notCanonical("the number " + number);
        }
        return (long) value;
    }

    private static void appendText(String string, StringBuilder text) {
        text.append('"');
        for (int i = 0; i < string.length(); i++) {
            char c = string.charAt(i);
            if (c == '"' || c == '\\') {
                text.append('\\');
            }
            text.append(c);
        }
        text.append('"');
    }

    private static TufFault notCanonical(String what) {
        return TufFault.Attack.MALFORMED.of("", what + " has no place in signed metadata");
    }
}
