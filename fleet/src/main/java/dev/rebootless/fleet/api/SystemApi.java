package dev.rebootless.fleet.api;

import dev.rebootless.fleet.account.Role;
import dev.rebootless.fleet.account.Scope;
import dev.rebootless.fleet.store.AttemptList;
import dev.rebootless.fleet.store.AuditLog;
import dev.rebootless.fleet.store.CveStates;
import dev.rebootless.fleet.store.HostStore;
import dev.rebootless.fleet.store.SystemFilter;
import dev.rebootless.fleet.store.SystemQuery;
import dev.rebootless.fleet.store.SystemRow;
import dev.rebootless.fleet.web.Access;
import dev.rebootless.fleet.web.Answer;
import dev.rebootless.fleet.web.HttpFault;
import dev.rebootless.fleet.web.Json;
import dev.rebootless.fleet.web.Request;
import dev.rebootless.fleet.web.Route;
import dev.rebootless.fleet.web.Texts;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.UUID;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import tools.jackson.databind.JsonNode;

/** Systems: lists of them, and one. */
public final class SystemApi {
    private static final Set<String> FILTERS =
            Set.of(
                    "ring",
                    "tag",
                    "os",
                    "release",
                    "buildId",
                    "livepatch",
                    "rebootRequired",
                    "silent",
                    "hostname",
                    "cve",
                    "state",
                    "sort",
                    "after",
                    "limit");

    /** docs/contract-fleet.md, "Messages"; deflated it is never kept otherwise. */
    private static final int LARGEST_REPORT = 512 << 10;

    private static final int RECENT_ATTEMPTS = 20;

    private final SystemQuery systems;
    private final HostStore hosts;
    private final AttemptList attempts;
    private final AuditLog audit;

    /** Of stores. */
    public SystemApi(SystemQuery systems, HostStore hosts, AttemptList attempts, AuditLog audit) {
        this.systems = systems;
        this.hosts = hosts;
        this.attempts = attempts;
        this.audit = audit;
    }

    /** All routes. */
    public List<Route> routes() {
        Access read = new Access.Account(Role.VIEWER, Scope.READ);
        return List.of(
                Route.get("/api/v1/systems", read, this::list),
                Route.get("/api/v1/systems/{system}", read, this::one),
                Route.put(
                        "/api/v1/systems/{system}/ring",
                        new Access.Account(Role.OPERATOR, Scope.OPERATE),
                        this::move),
                Route.delete(
                        "/api/v1/systems/{system}",
                        new Access.Account(Role.ADMINISTRATOR, Scope.OPERATE),
                        this::remove));
    }

    private Answer list(Request request) {
        Asked asked = new Asked(request, FILTERS);
        if (asked.text("state").isPresent() && asked.text("cve").isEmpty()) {
            throw asked.bad("state");
        }
        SystemFilter filter =
                new SystemFilter(
                        asked.text("ring"),
                        asked.text("tag"),
                        asked.text("os"),
                        asked.text("release"),
                        asked.text("buildId"),
                        asked.text("livepatch"),
                        asked.flag("rebootRequired"),
                        asked.flag("silent"),
                        asked.text("hostname"),
                        asked.text("cve"),
                        asked.text("state")
                                .map(word ->
                                        SystemFilter.CveQuestion.of(word)
                                                .orElseThrow(() -> asked.bad("state"))));
        Optional<String> after = asked.text("after");
        if (after.filter(cursor -> !SystemQuery.isCursor(cursor)).isPresent()) {
            throw asked.bad("after");
        }
        boolean descending =
                asked.word("sort", Set.of("hostname", "-hostname"))
                        .filter("-hostname"::equals)
                        .isPresent();
        SystemQuery.Found found = systems.find(filter, descending, after, asked.limit());
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put(
                "systems", found.page().rows().stream().map(row -> system(row, request)).toList());
        document.put("total", found.total());
        document.put("next", found.page().next());
        return Answer.document(document);
    }

    private static SequencedMap<String, Object> system(SystemRow row, Request request) {
        SequencedMap<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", row.id());
        fields.put("hostname", row.hostname());
        fields.put("ring", row.membership().ring());
        fields.put("tag", row.membership().tag());
        fields.put("os", row.facts().os());
        fields.put("agent", row.facts().agent());
        fields.put("release", row.facts().release());
        fields.put("buildId", row.facts().buildId());
        fields.put("packageVersion", row.facts().packageVersion());
        fields.put("nextRelease", row.facts().nextRelease());
        fields.put("secureBoot", row.facts().secureBoot());
        fields.put("lockdown", row.facts().lockdown());
        fields.put("rebootRequired", row.facts().rebootRequired());
        fields.put("livepatches", row.facts().inForce());
        fields.put("inTransition", row.facts().inTransition());
        fields.put("foreignLivepatches", row.facts().foreign());
        fields.put("reported", row.reported());
        fields.put("seen", row.seen().toString());
        fields.put(
                "ageSeconds", Math.max(0, Duration.between(row.seen(), request.now()).toSeconds()));
        fields.put("silent", row.silent());
        return fields;
    }

    private static UUID id(Request request) {
        return Texts.uuid(request.parameter("system")).orElseThrow(() -> noSystem(request));
    }

    private static HttpFault noSystem(Request request) {
        return HttpFault.unknown(
                Texts.kept(request.parameter("system"), 64), "there is no such system");
    }

    private Answer one(Request request) {
        UUID id = id(request);
        SystemQuery.Detail detail = systems.one(id).orElseThrow(() -> noSystem(request));
        SequencedMap<String, Object> document = system(detail.row(), request);
        document.put("enrolled", detail.enrolled().toString());
        document.put("machine", HexFormat.of().formatHex(detail.machine()));
        document.put("messagesOutOfOrder", detail.outOfOrder());
        document.put(
                "cves",
                detail.row().facts().cves().states().entrySet().stream()
                        .map(e -> cve(e.getKey(), e.getValue()))
                        .toList());
        document.put(
                "attempts",
                attempts
                        .find(
                                new AttemptList.Filter(
                                        Optional.of(id), Optional.empty(), Optional.empty()),
                                Optional.empty(),
                                RECENT_ATTEMPTS,
                                request.now())
                        .rows()
                        .stream()
                        .map(FleetApi::attempt)
                        .toList());
        document.put("factsReceived", detail.received().map(Object::toString));
        document.put("facts", detail.deflated().map(SystemApi::facts));
        return Answer.document(document);
    }

    private static SequencedMap<String, Object> cve(String id, CveStates.State state) {
        SequencedMap<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", id);
        fields.put("state", state.word());
        return fields;
    }

    /** What the host said last, as it said it. */
    private static JsonNode facts(byte[] deflated) {
        try (Inflater inflater = new Inflater()) {
            inflater.setInput(deflated);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            byte[] buffer = new byte[8 << 10];
            while (!inflater.finished() && out.size() <= LARGEST_REPORT) {
                int n = inflater.inflate(buffer);
                if (n == 0 && !inflater.finished()) {
                    throw new DataFormatException("it is cut off");
                }
                out.write(buffer, 0, n);
            }
            return Json.tree(out.toByteArray()).path("facts");
        } catch (DataFormatException e) {
            throw new IllegalStateException("facts in the database are damaged", e);
        }
    }

    private Answer move(Request request) {
        UUID id = id(request);
        String ring = request.json().text("ring", 32);
        if (!hosts.hasRing(ring)) {
            throw HttpFault.notUnderstood(request.path(), "there is no ring of that name");
        }
        if (!hosts.move(id, ring, audit.of(request.account().name(), request.now()))) {
            throw noSystem(request);
        }
        return AccountApi.done();
    }

    private Answer remove(Request request) {
        if (!hosts.remove(id(request), audit.of(request.account().name(), request.now()))) {
            throw noSystem(request);
        }
        return AccountApi.done();
    }
}
