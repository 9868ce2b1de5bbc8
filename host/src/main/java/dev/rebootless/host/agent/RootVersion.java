package dev.rebootless.host.agent;

import java.util.LinkedHashMap;
import java.util.Map;

/** The version of a root that is trusted already. */
final class RootVersion {
    private RootVersion() {}

    /** As it stands in {@code signed} (The Update Framework Specification, section 4.3). */
    static long of(Answer root) {
        Map<String, Object> signed = new LinkedHashMap<>();
        if (root.fields().get("signed") instanceof Map<?, ?> fields) {
            fields.forEach((k, v) -> signed.put(String.valueOf(k), v));
        }
        return new Answer(root.place(), signed, root.origin()).number("version");
    }
}
