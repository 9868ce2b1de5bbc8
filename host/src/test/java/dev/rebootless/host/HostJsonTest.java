package dev.rebootless.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.host.files.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** What is printed of events, and what {@code docs/schema} says of them. */
class HostJsonTest {
    private static final Path SCHEMA =
            Path.of(Objects.requireNonNull(System.getProperty("rebootless.root")))
                    .resolve("docs/schema/host-event.schema.json");

    private static final List<HostEvent> ONE_OF_EACH =
            List.of(
                    new HostEvent.Preflight(List.of(Finding.fine("what", "how"))),
                    new HostEvent.Inserted("l"),
                    new HostEvent.Moving("l", 1, 0, List.of()),
                    new HostEvent.InForce("l", 1),
                    new HostEvent.Watching("l", 1),
                    new HostEvent.Blind("l"),
                    new HostEvent.Complained("l", "oops", true, List.of("line")),
                    new HostEvent.Cancelling("l", "why"),
                    new HostEvent.OutOfForce("l", 1),
                    new HostEvent.Installed("l", "6.1", List.of()),
                    new HostEvent.Uninstalled("l"),
                    new HostEvent.Skipped("l", "why"),
                    new HostEvent.BootOff("word"),
                    new HostEvent.Kept("l", "why"),
                    new HostEvent.Removed("l"),
                    new HostEvent.NoTransition(),
                    new HostEvent.Verified("CVE-2026-1000", "closed", "l", ""));

    @Test
    void eachEventHasTheFieldsThatTheSchemaRequiresAndIsALineForPeople() throws Exception {
        assertThat(ONE_OF_EACH)
                .extracting(e -> (Object) e.getClass())
                .containsExactlyInAnyOrder(
                        Arrays.copyOf(
                                HostEvent.class.getPermittedSubclasses(),
                                HostEvent.class.getPermittedSubclasses().length,
                                Object[].class));
        Map<String, List<String>> required = required();
        for (HostEvent event : ONE_OF_EACH) {
            Map<String, Object> printed = JsonObject.parse(HostJson.event(event));
            String name = String.valueOf(printed.get("event"));
            assertThat(required).containsKey(name);
            assertThat(printed.keySet())
                    .as(name)
                    .containsExactlyInAnyOrderElementsOf(required.get(name));
            assertThat(HostText.lines(event)).as(name).isNotEmpty();
        }
        assertThat(required).hasSameSizeAs(ONE_OF_EACH);
    }

    /** By event. */
    private static Map<String, List<String>> required()
            throws IOException, JsonObject.NoneException {
        Map<String, List<String>> required = new TreeMap<>();
        Map<String, Object> schema = JsonObject.parse(Files.readString(SCHEMA));
        String kinds = schema.containsKey("oneOf") ? "oneOf" : "anyOf";
        for (Object kind : (List<?>) in(schema, kinds)) {
            Object event = in(in(kind, "properties"), "event");
            List<String> names = new ArrayList<>();
            for (Object name : (List<?>) in(kind, "required")) {
                names.add(String.valueOf(name));
            }
            assertThat(new TreeSet<>(names)).hasSameSizeAs(names);
            required.put(String.valueOf(in(event, "const")), names);
        }
        return required;
    }

    private static Object in(Object map, String key) {
        return Objects.requireNonNull(((Map<?, ?>) map).get(key), key);
    }
}
