package dev.rebootless.trust.tuf;

import java.time.DateTimeException;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * The fields of a JSON object that may be anybody's, each of the type that it should have.
 *
 * <p>Each reader throws {@link TufFault} ({@code RBL-TUF-FORMAT}) for a field that is missing or of
 * another type.
 *
 * @param place of the object, for messages
 */
public record Fields(String place, Map<?, ?> fields) {
    private Object field(String name) {
        @Nullable Object value = fields.get(name);
        if (value == null) {
            throw bad(name, "is missing");
        }
        return value;
    }

    private TufFault bad(String name, String why) {
        return TufFault.Attack.MALFORMED.of(place, "its field " + name + " " + why);
    }

    /** Whether it has a field. */
    public boolean has(String name) {
        return fields.get(name) != null;
    }

    /** A text. */
    public String text(String name) {
        if (field(name) instanceof String text) {
            return text;
        }
        throw bad(name, "is no text");
    }

    /** True or false. */
    public boolean flag(String name) {
        if (field(name) instanceof Boolean flag) {
            return flag;
        }
        throw bad(name, "is neither true nor false");
    }

    /** A whole number that is not negative. */
    public long number(String name) {
        if (field(name) instanceof Number number) {
            long value = CanonicalJson.whole(number);
            if (value >= 0) {
                return value;
            }
        }
        throw bad(name, "is no whole number from 0 on");
    }

    /** A number from 1 on that an int holds: a version, or a threshold. */
    public int positive(String name) {
        long number = number(name);
        if (number < 1 || number > Integer.MAX_VALUE) {
            throw bad(name, "is not from 1 on");
        }
        return (int) number;
    }

    /** A moment in UTC, such as {@code 2026-11-28T08:00:00Z} (section 4.2.1). */
    public Instant moment(String name) {
        try {
            return Instant.parse(text(name));
        } catch (DateTimeException e) {
            throw bad(name, "is no moment in UTC");
        }
    }

    /** An object in it. */
    public Fields object(String name) {
        if (field(name) instanceof Map<?, ?> map) {
            return new Fields(place + "." + name, map);
        }
        throw bad(name, "is no object");
    }

    /** An object in it that may be missing. */
    public Optional<Fields> optional(String name) {
        return has(name) ? Optional.of(object(name)) : Optional.empty();
    }

    /** The objects that stand under names. */
    public SequencedMap<String, Fields> objects() {
        SequencedMap<String, Fields> found = new LinkedHashMap<>();
        for (Map.Entry<?, ?> entry : fields.entrySet()) {
            String name = String.valueOf(entry.getKey());
            if (!(entry.getValue() instanceof Map<?, ?> map)) {
                throw bad(name, "is no object");
            }
            found.put(name, new Fields(place + "." + name, map));
        }
        return Collections.unmodifiableSequencedMap(found);
    }

    /** A list of objects. */
    public List<Fields> list(String name) {
        if (!(field(name) instanceof List<?> list)) {
            throw bad(name, "is no list");
        }
        return list.stream()
                .map(each -> {
                    if (each instanceof Map<?, ?> map) {
                        return new Fields(place + "." + name, map);
                    }
                    throw bad(name, "is no list of objects");
                })
                .toList();
    }

    /** A list of texts. */
    public List<String> texts(String name) {
        if (!(field(name) instanceof List<?> list)) {
            throw bad(name, "is no list");
        }
        return list.stream()
                .map(each -> {
                    if (each instanceof String text) {
                        return text;
                    }
                    throw bad(name, "is no list of texts");
                })
                .toList();
    }
}
