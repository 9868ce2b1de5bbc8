package dev.rebootless.host.agent;

import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What the side with rights remembers: which bytes it loaded, which it will not load again, and
 * what it has begun. Root writes it, the network side reads it.
 */
final class Journal {
    private static final String LOADED = "loaded.json";
    private static final String DISTRUSTED = "distrusted.json";
    private static final String BEGUN = "begun.json";
    private static final String ENTRIES = "entries";

    /** Of each list the newest are kept. */
    private static final int MAX_ENTRIES = 256;

    private static final Pattern BOOT = Pattern.compile("[0-9a-f-]{1,64}");
    private static final Pattern ANY = Pattern.compile("(?s).{0,2000}");

    private final AgentFolder folder;

    Journal(AgentFolder folder) {
        this.folder = folder;
    }

    /**
     * What was begun last.
     *
     * @param order its id
     * @param bootId of the boot in which it was
     * @param step that the signed state wanted then; the order may have been changed since
     */
    record Begun(String order, String bootId, Step step) {}

    private List<Answer> entries(String file) {
        Optional<Answer> document = folder.document(file);
        List<Answer> found = new ArrayList<>();
        if (document.isPresent() && document.get().fields().get(ENTRIES) instanceof List<?> list) {
            for (Object each : list) {
                if (each instanceof Map<?, ?> map) {
                    Map<String, Object> fields = new LinkedHashMap<>();
                    map.forEach((k, v) -> fields.put(String.valueOf(k), v));
                    found.add(new Answer(document.get().place(), fields, document.get().origin()));
                }
            }
        }
        return found;
    }

    private void write(String file, List<AgentJson> entries) {
        List<AgentJson> newest =
                entries.subList(Math.max(0, entries.size() - MAX_ENTRIES), entries.size());
        folder.write(
                file,
                AgentJson.document().put(ENTRIES, newest.stream().map(AgentJson::map).toList()));
    }

    /** By name, the SHA-256 of what was loaded in a boot, whether it still is or not. */
    Map<String, String> loaded(String bootId) {
        Map<String, String> found = new LinkedHashMap<>();
        for (Answer each : entries(LOADED)) {
            if (each.text("bootId", BOOT).equals(bootId)) {
                found.put(each.text("name", Step.MODULE), each.text("sha256", Answer.SHA256));
            }
        }
        return found;
    }

    /** Before the kernel gets it. */
    void loading(String name, String sha256, String buildId, String bootId) {
        List<AgentJson> entries = new ArrayList<>();
        for (Map.Entry<String, String> each : loaded(bootId).entrySet()) {
            if (!each.getKey().equals(name)) {
                entries.add(loadedEntry(each.getKey(), each.getValue(), buildId, bootId));
            }
        }
        entries.add(loadedEntry(name, sha256, buildId, bootId));
        write(LOADED, entries);
    }

    /** One kernel build runs in one boot. */
    private static AgentJson loadedEntry(
            String name, String sha256, String buildId, String bootId) {
        return AgentJson.object()
                .put("name", name)
                .put("sha256", sha256)
                .put("buildId", buildId)
                .put("bootId", bootId);
    }

    /** Why bytes are not to be loaded here again, by their SHA-256. */
    Map<String, String> distrusted() {
        Map<String, String> found = new LinkedHashMap<>();
        for (Answer each : entries(DISTRUSTED)) {
            found.put(each.text("sha256", Answer.SHA256), each.text("why", ANY));
        }
        return found;
    }

    /** The kernel had an oops in these bytes. */
    void distrust(String name, String sha256, String why, Instant now) {
        List<AgentJson> entries = new ArrayList<>();
        for (Answer each : entries(DISTRUSTED)) {
            AgentJson entry = AgentJson.object();
            each.fields().forEach(entry::put);
            entries.add(entry);
        }
        entries.add(
                AgentJson.object()
                        .put("name", name)
                        .put("sha256", sha256)
                        .put("at", now.toString())
                        .put("why", why.length() > 1_000 ? why.substring(0, 1_000) : why));
        write(DISTRUSTED, entries);
    }

    /** The last order for which the kernel may have been touched. */
    Optional<Begun> begun() {
        return folder.document(BEGUN)
                .map(file ->
                        new Begun(
                                file.text("order", Answer.UUID),
                                file.text("bootId", BOOT),
                                new Step(
                                        Step.Action.of(file.text("action", Step.ACTION)),
                                        file.text("livepatch", Step.MODULE),
                                        file.text("sha256", Answer.SHA256))));
    }

    /** Right before the kernel is touched. */
    void begin(Begun begun) {
        folder.write(
                BEGUN,
                AgentJson.document()
                        .put("order", begun.order())
                        .put("bootId", begun.bootId())
                        .put("action", begun.step().action().word())
                        .put("livepatch", begun.step().livepatch())
                        .put("sha256", begun.step().sha256()));
    }

    /** It has its outcome, or will never have one. */
    void forgetBegun() {
        folder.remove(BEGUN);
    }
}
