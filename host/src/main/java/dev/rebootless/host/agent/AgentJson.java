package dev.rebootless.host.agent;

import dev.rebootless.base.Problem;
import io.avaje.json.mapper.JsonMapper;
import io.avaje.json.stream.JsonStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** JSON as the agent writes it, in one line; null stands for what is not known. */
final class AgentJson {
    /** Version of messages and of the agent's own files. */
    static final int SCHEMA_VERSION = 1;

    private static final JsonMapper MAPPER =
            JsonMapper.builder()
                    .jsonStream(
                            JsonStream.builder().serializeNulls(true).serializeEmpty(true).build())
                    .build();

    private final Map<String, @Nullable Object> map = new LinkedHashMap<>();

    private AgentJson() {}

    /** An object within a document. */
    static AgentJson object() {
        return new AgentJson();
    }

    /** A document of its own. */
    static AgentJson document() {
        return new AgentJson().put("schemaVersion", SCHEMA_VERSION);
    }

    AgentJson put(String name, @Nullable Object value) {
        map.put(name, value);
        return this;
    }

    Map<String, @Nullable Object> map() {
        return map;
    }

    String text() {
        return text(map);
    }

    static String text(Map<String, @Nullable Object> fields) {
        return MAPPER.toJson(fields);
    }

    static List<Object> problems(List<Problem> problems) {
        return problems.stream()
                .<Object>map(p ->
                        object().put("code", p.code())
                                .put("place", p.place())
                                .put("message", p.message())
                                .put("remedy", p.remedy())
                                .map())
                .toList();
    }
}
