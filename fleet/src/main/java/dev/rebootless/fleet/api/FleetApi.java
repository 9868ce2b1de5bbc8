package dev.rebootless.fleet.api;

import dev.rebootless.cve.CveId;
import dev.rebootless.fleet.account.Role;
import dev.rebootless.fleet.account.Scope;
import dev.rebootless.fleet.store.AttemptList;
import dev.rebootless.fleet.store.AuditList;
import dev.rebootless.fleet.store.AuditLog;
import dev.rebootless.fleet.store.CveStates;
import dev.rebootless.fleet.store.Exposure;
import dev.rebootless.fleet.store.Overview;
import dev.rebootless.fleet.web.Access;
import dev.rebootless.fleet.web.Answer;
import dev.rebootless.fleet.web.Fields;
import dev.rebootless.fleet.web.HttpFault;
import dev.rebootless.fleet.web.Json;
import dev.rebootless.fleet.web.Request;
import dev.rebootless.fleet.web.Route;
import dev.rebootless.fleet.web.Texts;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/** The fleet as a whole: overview, CVEs, livepatches, attempts, audit log. */
public final class FleetApi {
    /** `cves --json` of a kernel with some thousand CVEs. */
    private static final int CVES_BODY = 4 << 20;

    private static final Set<String> OUTCOMES =
            Set.of("open", "silent", "done", "refused", "failed", "reversed");
    private static final Set<String> SEVERITIES =
            Set.of("critical", "important", "moderate", "low", "unknown");
    private static final Set<String> EXPOSURES =
            Set.of("not-built", "not-loaded", "exposed", "unknown");

    private final Stores stores;

    /**
     * What it reads.
     *
     * @param silentAfter as long as a host may say nothing
     */
    public record Stores(
            Overview overview,
            Exposure exposure,
            AttemptList attempts,
            AuditList auditList,
            AuditLog audit,
            Duration silentAfter) {}

    /** Of stores. */
    public FleetApi(Stores stores) {
        this.stores = stores;
    }

    /** All routes. */
    public List<Route> routes() {
        Access read = new Access.Account(Role.VIEWER, Scope.READ);
        Access administer = new Access.Account(Role.ADMINISTRATOR, Scope.ADMINISTER);
        return List.of(
                Route.get("/api/v1/overview", read, this::overview),
                Route.get("/api/v1/cves", read, this::cves),
                new Route(
                        "PUT",
                        "/api/v1/kernels/{buildId}/cves",
                        new Access.Account(Role.OPERATOR, Scope.OPERATE),
                        CVES_BODY,
                        this::tell),
                Route.get("/api/v1/livepatches", read, this::livepatches),
                Route.get("/api/v1/attempts", read, this::attempts),
                Route.get("/api/v1/audit", administer, this::audit),
                Route.get("/api/v1/audit/verification", administer, this::verifyAudit));
    }

    private Answer overview(Request request) {
        Overview.Numbers numbers =
                stores.overview().count(request.now().minus(stores.silentAfter()), request.now());
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put("systems", numbers.systems());
        document.put("unreported", numbers.unreported());
        document.put("silent", numbers.silent());
        document.put("rebootRequired", numbers.rebootRequired());
        document.put("suspectedClones", numbers.suspectedClones());
        document.put("attemptsOpen", numbers.attemptsOpen());
        document.put("attemptsSilent", numbers.attemptsSilent());
        document.put("byRing", numbers.byRing());
        document.put("byRelease", numbers.byRelease());
        document.put("byOs", numbers.byOs());
        List<Exposure.Row> cves = stores.exposure().all();
        document.put("cvesOpen", cves.stream().filter(c -> c.open() > 0).count());
        document.put(
                "knownExploitedCvesOpen",
                cves.stream().filter(c -> c.open() > 0 && c.knownExploited()).count());
        return Answer.document(document);
    }

    // ---- CVEs ----

    private Answer cves(Request request) {
        Asked asked = new Asked(request, Set.of("severity", "open", "sort", "after", "limit"));
        Optional<String> severity = asked.word("severity", SEVERITIES);
        Optional<Boolean> open = asked.flag("open");
        Comparator<Exposure.Row> byId = Comparator.comparing(row -> new CveId(row.id()));
        Comparator<Exposure.Row> order =
                asked.word("sort", Set.of("id", "-open"))
                        .filter("-open"::equals)
                        .map(_ ->
                                Comparator.comparingLong(Exposure.Row::open)
                                        .reversed()
                                        .thenComparing(byId))
                        .orElse(byId);
        List<Exposure.Row> rows =
                stores.exposure().all().stream()
                        .filter(row -> severity.isEmpty() || severity.get().equals(row.severity()))
                        .filter(row -> open.isEmpty() || open.get() == (row.open() > 0))
                        .sorted(order)
                        .toList();
        int from = asked.text("after").map(id -> indexAfter(rows, id, asked)).orElse(0);
        int to = Math.min(rows.size(), from + asked.limit());
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put("cves", rows.subList(from, to).stream().map(FleetApi::cve).toList());
        document.put("total", rows.size());
        document.put(
                "next", to < rows.size() ? Optional.of(rows.get(to - 1).id()) : Optional.empty());
        return Answer.document(document);
    }

    /** Where a CVE moved meanwhile, so that it is filtered out now, the list begins anew. */
    private static int indexAfter(List<Exposure.Row> rows, String id, Asked asked) {
        if (CveId.of(id).isEmpty()) {
            throw asked.bad("after");
        }
        for (int i = 0; i < rows.size(); i++) {
            if (rows.get(i).id().equals(id)) {
                return i + 1;
            }
        }
        return 0;
    }

    private static SequencedMap<String, Object> cve(Exposure.Row row) {
        SequencedMap<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", row.id());
        fields.put("title", row.title());
        fields.put("severity", row.severity());
        fields.put("knownExploited", row.knownExploited());
        SequencedMap<String, Object> systems = new LinkedHashMap<>();
        systems.put("open", row.open());
        systems.put("notLoaded", row.notLoaded());
        for (CveStates.State state : CveStates.State.values()) {
            systems.put(state.word(), row.states().getOrDefault(state, 0L));
        }
        fields.put("systems", systems);
        return fields;
    }

    /** Takes the document of {@code rebootless cves --json}. */
    private Answer tell(Request request) {
        String buildId = request.parameter("buildId");
        Fields fields = request.json();
        if (!buildId.matches("(?:[0-9a-f]{2}){1,20}")
                || !fields.text("buildId", 40).equals(buildId)) {
            throw HttpFault.notUnderstood(
                    Texts.kept(request.path(), 100), "the build id is not that of the document");
        }
        Exposure.KernelBuild kernel =
                new Exposure.KernelBuild(
                        buildId,
                        Texts.kept(fields.text("kernel", 128), 128),
                        Texts.kept(fields.text("packageVersion", 128), 128),
                        Texts.kept(fields.text("to", 128), 128));
        List<Exposure.Told> cves = fields.objects("cves").stream().map(cve -> told(cve)).toList();
        stores.exposure()
                .tell(
                        kernel,
                        cves,
                        request.now(),
                        stores.audit().of(request.account().name(), request.now()));
        return AccountApi.done();
    }

    private static Exposure.Told told(Fields cve) {
        String id = cve.text("id", 40);
        String severity = cve.text("severity", 20);
        String exposure = cve.text("exposure", 20);
        if (CveId.of(id).isEmpty()
                || !SEVERITIES.contains(severity)
                || !EXPOSURES.contains(exposure)) {
            throw HttpFault.notUnderstood(
                    cve.place(),
                    "the fields id, severity and exposure are not those of cves --json");
        }
        return new Exposure.Told(
                id,
                Texts.kept(cve.text("title", 10_000), 300),
                severity,
                cve.optionalFlag("knownExploited").orElse(false),
                exposure);
    }

    private Answer livepatches(Request request) {
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put(
                "livepatches",
                stores.overview().livepatches().stream()
                        .map(livepatch -> {
                            SequencedMap<String, Object> fields = new LinkedHashMap<>();
                            fields.put("name", livepatch.name());
                            fields.put("inForce", livepatch.inForce());
                            fields.put("inTransition", livepatch.inTransition());
                            fields.put("foreign", livepatch.foreign());
                            return fields;
                        })
                        .toList());
        return Answer.document(document);
    }

    // ---- attempts and audit log ----

    private Answer attempts(Request request) {
        Asked asked =
                new Asked(request, Set.of("system", "livepatch", "outcome", "after", "limit"));
        AttemptList.Filter filter =
                new AttemptList.Filter(
                        asked.text("system")
                                .map(id -> Texts.uuid(id).orElseThrow(() -> asked.bad("system"))),
                        asked.text("livepatch"),
                        asked.word("outcome", OUTCOMES));
        var page =
                stores.attempts().find(filter, asked.number("after"), asked.limit(), request.now());
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put("attempts", page.rows().stream().map(FleetApi::attempt).toList());
        document.put("next", page.next());
        return Answer.document(document);
    }

    static SequencedMap<String, Object> attempt(AttemptList.Row row) {
        SequencedMap<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", row.id());
        fields.put("system", row.host());
        fields.put("ring", row.ring());
        fields.put("action", row.wanted().action());
        fields.put("livepatch", row.wanted().livepatch());
        fields.put("sha256", row.wanted().sha256());
        fields.put("buildId", row.wanted().buildId());
        fields.put("stateVersion", row.wanted().stateVersion());
        fields.put("started", row.started().toString());
        fields.put("expires", row.expires().toString());
        fields.put("outcome", row.outcome());
        fields.put("finished", row.finished().map(Object::toString));
        fields.put("exitStatus", row.exitStatus());
        fields.put("transitionSeconds", row.transitionSeconds());
        fields.put("problems", row.problems().map(p -> Json.tree(bytes(p))));
        return fields;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private Answer audit(Request request) {
        Asked asked = new Asked(request, Set.of("actor", "action", "subject", "after", "limit"));
        var page =
                stores.auditList()
                        .find(
                                new AuditList.Filter(
                                        asked.text("actor"),
                                        asked.text("action"),
                                        asked.text("subject")),
                                asked.number("after"),
                                asked.limit());
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put(
                "entries",
                page.rows().stream()
                        .map(row -> {
                            SequencedMap<String, Object> fields = new LinkedHashMap<>();
                            fields.put("sha256", row.sha256());
                            fields.put("entry", Json.tree(bytes(row.canonical())));
                            fields.put("canonical", row.canonical());
                            return fields;
                        })
                        .toList());
        document.put("next", page.next());
        return Answer.document(document);
    }

    private Answer verifyAudit(Request request) {
        AuditLog.Verdict verdict = stores.audit().verify();
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put("intact", verdict.broken().isEmpty());
        document.put("broken", verdict.broken());
        document.put("entries", verdict.head().number());
        document.put("head", HexFormat.of().formatHex(verdict.head().sha256()));
        return Answer.document(document);
    }
}
