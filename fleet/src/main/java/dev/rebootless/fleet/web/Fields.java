package dev.rebootless.fleet.web;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import tools.jackson.databind.JsonNode;

/**
 * The fields of a JSON object that may be anybody's. Each reader throws {@link HttpFault} 400
 * {@code RBL-FLEET-REQUEST} for a field that is not as it should be.
 *
 * @param place of the object, for messages
 */
public record Fields(String place, JsonNode object) {
    private static final int LONGEST_LIST = 20_000;

    private HttpFault bad(String name, String why) {
        return HttpFault.notUnderstood(place, "the field " + name + " " + why);
    }

    /** The field, unless it is missing or null. */
    private Optional<JsonNode> field(String name) {
        return Optional.ofNullable(object.get(name)).filter(node -> !node.isNull());
    }

    private JsonNode required(String name) {
        return field(name).orElseThrow(() -> bad(name, "is missing"));
    }

    /** Whether the field is there, and not null. */
    public boolean has(String name) {
        return field(name).isPresent();
    }

    /**
     * A text.
     *
     * @param longest as many characters as it may have
     */
    public String text(String name, int longest) {
        return text(name, required(name), longest);
    }

    private String text(String name, JsonNode node, int longest) {
        if (!node.isString()) {
            throw bad(name, "is no text");
        }
        String text = node.stringValue();
        if (text.length() > longest) {
            throw bad(name, "has more than " + longest + " characters");
        }
        return text;
    }

    /** A text that may be missing. */
    public Optional<String> optionalText(String name, int longest) {
        return field(name).map(node -> text(name, node, longest));
    }

    /** Bytes in lower-case hexadecimal. */
    public byte[] hex(String name, int bytes) {
        String text = text(name, 2 * bytes);
        if (!text.matches("[0-9a-f]{" + 2 * bytes + "}")) {
            throw bad(name, "is not " + bytes + " bytes in lower-case hexadecimal");
        }
        return HexFormat.of().parseHex(text);
    }

    /** A UUID in its usual form. */
    public UUID uuid(String name) {
        return Texts.uuid(text(name, 36)).orElseThrow(() -> bad(name, "is no UUID"));
    }

    /** A whole number within bounds. */
    public long number(String name, long least, long most) {
        JsonNode node = required(name);
        if (!node.isIntegralNumber() || !node.canConvertToLong()) {
            throw bad(name, "is no whole number");
        }
        long value = node.longValue();
        if (value < least || value > most) {
            throw bad(name, "is not from " + least + " to " + most);
        }
        return value;
    }

    /** A number that may be missing; never one that is none. */
    public Optional<Double> optionalDecimal(String name) {
        return field(name)
                .map(node -> {
                    if (!node.isNumber() || !Double.isFinite(node.doubleValue())) {
                        throw bad(name, "is no number");
                    }
                    return node.doubleValue();
                });
    }

    /** True or false, or missing. */
    public Optional<Boolean> optionalFlag(String name) {
        return field(name)
                .map(node -> {
                    if (!node.isBoolean()) {
                        throw bad(name, "is neither true nor false");
                    }
                    return node.booleanValue();
                });
    }

    /** An object that may be missing. */
    public Optional<Fields> optionalObject(String name) {
        return field(name)
                .map(node -> {
                    if (!node.isObject()) {
                        throw bad(name, "is no object");
                    }
                    return new Fields(place + "." + name, node);
                });
    }

    /** A list of objects; a missing one is empty. */
    public List<Fields> objects(String name) {
        List<Fields> objects = new ArrayList<>();
        for (JsonNode each : elements(name)) {
            if (!each.isObject()) {
                throw bad(name, "is no list of objects");
            }
            objects.add(new Fields(place + "." + name, each));
        }
        return objects;
    }

    /** A list of texts; a missing one is empty. */
    public List<String> texts(String name, int longest) {
        List<String> texts = new ArrayList<>();
        for (JsonNode each : elements(name)) {
            texts.add(text(name, each, longest));
        }
        return texts;
    }

    private Iterable<JsonNode> elements(String name) {
        Optional<JsonNode> list = field(name);
        if (list.isEmpty()) {
            return List.of();
        }
        if (!list.get().isArray()) {
            throw bad(name, "is no list");
        }
        if (list.get().size() > LONGEST_LIST) {
            throw bad(name, "has more than " + LONGEST_LIST + " entries");
        }
        return list.get();
    }
}
