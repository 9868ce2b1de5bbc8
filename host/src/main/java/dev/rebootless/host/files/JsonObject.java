package dev.rebootless.host.files;

import io.avaje.json.JsonException;
import io.avaje.json.mapper.JsonMapper;
import java.util.Map;

/** Reads JSON that may be anybody's. */
public final class JsonObject {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    private JsonObject() {}

    /** A text that is no JSON object. */
    public static final class NoneException extends Exception {
        NoneException(String why) {
            super(why);
        }
    }

    /**
     * The fields of an object: texts, numbers, booleans, lists and maps of them.
     *
     * @throws NoneException with the reason
     */
    public static Map<String, Object> parse(String json) throws NoneException {
        try {
            return MAPPER.fromJsonObject(json);
        } catch (JsonException | NumberFormatException e) {
            throw new NoneException(String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
        } catch (IndexOutOfBoundsException e) {
            // The library's parser runs over the end of some inputs that are cut within a text.
            throw new NoneException("it is cut off");
        } catch (StackOverflowError e) {
            throw new NoneException("it is nested too deeply");
        }
    }

    /** As {@link #parse} reads it, in one line. */
    public static String text(Map<String, Object> fields) {
        return MAPPER.toJson(fields);
    }
}
