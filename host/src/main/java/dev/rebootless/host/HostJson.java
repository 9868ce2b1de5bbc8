package dev.rebootless.host;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.host.LoadedLivepatch.Origin;
import dev.rebootless.manifest.Manifest;
import io.avaje.json.mapper.JsonMapper;
import io.avaje.json.stream.JsonStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What programs read of a host ({@code docs/schema}); each document is one line. */
final class HostJson {
    private static final int SCHEMA_VERSION = 1;

    private static final JsonMapper MAPPER =
            JsonMapper.builder()
                    .jsonStream(
                            JsonStream.builder().serializeNulls(true).serializeEmpty(true).build())
                    .build();

    private HostJson() {}

    /** Fields in the order in which they are put; null stands for what is not known. */
    private static final class Fields {
        private final Map<String, @Nullable Object> map = new LinkedHashMap<>();

        Fields put(String name, @Nullable Object value) {
            map.put(name, value);
            return this;
        }

        Map<String, @Nullable Object> map() {
            return map;
        }

        String line() {
            return MAPPER.toJson(map) + "\n";
        }
    }

    private static Fields document() {
        return new Fields().put("schemaVersion", SCHEMA_VERSION);
    }

    static String failure(ExitStatus status, List<Problem> problems) {
        return document()
                .put("exitStatus", status.code())
                .put("problems", problems.stream().map(HostJson::problem).toList())
                .line();
    }

    private static Map<String, @Nullable Object> problem(Problem problem) {
        return new Fields()
                .put("code", problem.code())
                .put("place", problem.place())
                .put("message", problem.message())
                .put("remedy", problem.remedy())
                .map();
    }

    static String list(HostState state) {
        return base(state).line();
    }

    private static Fields base(HostState state) {
        return document()
                .put("kernel", state.kernel().release())
                .put("buildId", state.kernel().buildId().orElse(null))
                .put("livepatches", state.livepatches().stream().map(HostJson::livepatch).toList());
    }

    private static Map<String, @Nullable Object> livepatch(LoadedLivepatch livepatch) {
        Optional<Manifest> manifest = livepatch.manifest();
        return new Fields()
                .put("name", livepatch.name())
                .put("enabled", livepatch.enabled())
                .put("transition", livepatch.inTransition())
                .put("replace", livepatch.replace().orElse(null))
                .put("origin", origin(livepatch.origin()))
                .put("cves", manifest.map(Manifest::cves).orElse(List.of()))
                .put("objects", livepatch.objects().stream().map(HostJson::object).toList())
                .map();
    }

    private static String origin(Origin origin) {
        return switch (origin) {
            case Origin.Ours _ -> "rebootless";
            case Origin.Foreign _ -> "foreign";
            case Origin.Unknown _ -> "unknown";
        };
    }

    private static Map<String, @Nullable Object> object(LoadedLivepatch.LoadedObject object) {
        return new Fields()
                .put("name", object.name())
                .put("patched", object.patched())
                .put("functions", object.functions().stream().map(f -> f.name()).toList())
                .map();
    }

    static String status(HostState state) {
        List<Object> cves = new ArrayList<>();
        state.cves()
                .forEach((id, cve) ->
                        cves.add(
                                new Fields()
                                        .put("id", id)
                                        .put("state", cve.closed().word())
                                        .put("livepatch", cve.livepatch())
                                        .put("why", cve.why())
                                        .map()));
        return base(state)
                .put("installed", installed(state.installed()))
                .put("cves", cves)
                .put("level", state.level().map(l -> level(state, l)).orElse(null))
                .put("functions", state.functions().stream().map(HostJson::function).toList())
                .line();
    }

    private static @Nullable Object level(HostState state, Manifest.Level level) {
        return new Fields()
                .put("running", level.running())
                .put("to", level.to())
                .put("exposed", level.exposed())
                .put("done", state.done(level))
                .put("waiting", level.waiting())
                .map();
    }

    private static @Nullable Object installed(Store.Contents contents) {
        return switch (contents) {
            case Store.Contents.Known(List<Store.Installed> modules) ->
                    modules.stream().map(HostJson::installed).toList();
            case Store.Contents.Unknown _ -> null;
        };
    }

    private static Map<String, @Nullable Object> installed(Store.Installed installed) {
        return new Fields()
                .put("name", installed.name())
                .put("sha256", installed.sha256())
                .put("skipped", installed.skipped().orElse(null))
                .map();
    }

    private static Map<String, @Nullable Object> function(HostState.FunctionState function) {
        return new Fields()
                .put("object", function.object())
                .put("name", function.name())
                .put("sympos", function.sympos())
                .put("state", function.running().word())
                .put("livepatches", function.by())
                .map();
    }

    static String event(HostEvent event) {
        return switch (event) {
            case HostEvent.Preflight(List<Finding> findings) ->
                    event("preflight")
                            .put("findings", findings.stream().map(HostJson::finding).toList())
                            .line();
            case HostEvent.Inserted(String livepatch) ->
                    event("inserted").put("livepatch", livepatch).line();
            case HostEvent.Moving moving ->
                    event("moving")
                            .put("livepatch", moving.livepatch())
                            .put("seconds", moving.seconds())
                            .put("left", moving.left())
                            .put("tasks", moving.told().stream().map(HostJson::task).toList())
                            .line();
            case HostEvent.InForce(String livepatch, double seconds) ->
                    event("in-force").put("livepatch", livepatch).put("seconds", seconds).line();
            case HostEvent.Watching(String livepatch, double seconds) ->
                    event("watching").put("livepatch", livepatch).put("seconds", seconds).line();
            case HostEvent.Blind(String livepatch) ->
                    event("blind").put("livepatch", livepatch).line();
            case HostEvent.Complained complained ->
                    event("complained")
                            .put("livepatch", complained.livepatch())
                            .put("kind", complained.kind())
                            .put("ours", complained.ours())
                            .put("lines", complained.lines())
                            .line();
            case HostEvent.Cancelling(String livepatch, String why) ->
                    event("cancelling").put("livepatch", livepatch).put("why", why).line();
            case HostEvent.OutOfForce(String livepatch, double seconds) ->
                    event("out-of-force")
                            .put("livepatch", livepatch)
                            .put("seconds", seconds)
                            .line();
            case HostEvent.Installed(String livepatch, String release, List<String> replaced) ->
                    event("installed")
                            .put("livepatch", livepatch)
                            .put("kernel", release)
                            .put("replaced", replaced)
                            .line();
            case HostEvent.Uninstalled(String livepatch) ->
                    event("uninstalled").put("livepatch", livepatch).line();
            case HostEvent.Skipped(String livepatch, String why) ->
                    event("skipped").put("livepatch", livepatch).put("why", why).line();
            case HostEvent.BootOff(String word) -> event("boot-off").put("why", word).line();
            case HostEvent.Kept(String livepatch, String why) ->
                    event("kept").put("livepatch", livepatch).put("why", why).line();
            case HostEvent.Removed(String livepatch) ->
                    event("removed").put("livepatch", livepatch).line();
            case HostEvent.NoTransition() -> event("no-transition").line();
            case HostEvent.Verified(String cve, String state, String livepatch, String why) ->
                    event("verified")
                            .put("cve", cve)
                            .put("state", state)
                            .put("livepatch", livepatch)
                            .put("why", why)
                            .line();
        };
    }

    private static Fields event(String name) {
        return document().put("event", name);
    }

    private static Map<String, @Nullable Object> finding(Finding finding) {
        Fields fields = new Fields().put("what", finding.what());
        return switch (finding.verdict()) {
            case Finding.Fine(String how) -> fields.put("verdict", "ok").put("message", how).map();
            case Finding.Unknown(String why) ->
                    fields.put("verdict", "unknown").put("message", why).map();
            case Finding.Warning(String message) ->
                    fields.put("verdict", "warning").put("message", message).map();
            case Finding.Refusal refusal ->
                    fields.put("verdict", "refused")
                            .put("message", refusal.problem().message())
                            .put("code", refusal.problem().code())
                            .map();
        };
    }

    private static Map<String, @Nullable Object> task(LaggingTask task) {
        return new Fields()
                .put("id", task.id())
                .put("command", task.command())
                .put("stack", task.stack())
                .put("in", task.sitsIn().orElse(null))
                .map();
    }
}
