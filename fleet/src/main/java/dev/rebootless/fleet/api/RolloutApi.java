package dev.rebootless.fleet.api;

import dev.rebootless.fleet.account.Caller;
import dev.rebootless.fleet.account.Role;
import dev.rebootless.fleet.account.Scope;
import dev.rebootless.fleet.rollout.Person;
import dev.rebootless.fleet.rollout.RingFacts;
import dev.rebootless.fleet.rollout.RolloutEvent;
import dev.rebootless.fleet.rollout.RolloutFacts;
import dev.rebootless.fleet.rollout.RolloutPlan;
import dev.rebootless.fleet.staging.Rollout;
import dev.rebootless.fleet.staging.RolloutJson;
import dev.rebootless.fleet.staging.RolloutOrder;
import dev.rebootless.fleet.staging.RolloutStore;
import dev.rebootless.fleet.staging.Staging;
import dev.rebootless.fleet.web.Access;
import dev.rebootless.fleet.web.Answer;
import dev.rebootless.fleet.web.Fields;
import dev.rebootless.fleet.web.HttpFault;
import dev.rebootless.fleet.web.Json;
import dev.rebootless.fleet.web.Request;
import dev.rebootless.fleet.web.Route;
import dev.rebootless.fleet.web.Texts;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.TreeMap;

/** Rollouts: ordered, looked at, paused, resumed, taken back. */
public final class RolloutApi {
    private static final int NAME = 100;
    private static final int REASON = 500;
    private static final int ORDER_BODY = 128 << 10;

    private final Staging staging;
    private final RolloutStore rollouts;
    private final RolloutOrder orders;

    /** For rollouts. */
    public RolloutApi(Staging staging, RolloutStore rollouts, RolloutOrder orders) {
        this.staging = staging;
        this.rollouts = rollouts;
        this.orders = orders;
    }

    /** All routes. */
    public List<Route> routes() {
        Access look = new Access.Account(Role.VIEWER, Scope.READ);
        Access operate = new Access.Account(Role.OPERATOR, Scope.OPERATE);
        Access approve = new Access.Account(Role.APPROVER, Scope.APPROVE);
        return List.of(
                Route.get("/api/v1/rollouts", look, this::list),
                Route.get("/api/v1/rollouts/{rollout}", look, this::one),
                new Route("POST", "/api/v1/rollouts", approve, ORDER_BODY, this::begin),
                new Route("POST", "/api/v1/rollout-dry-runs", operate, ORDER_BODY, this::dryRun),
                Route.post(
                        "/api/v1/rollouts/{rollout}/pause",
                        operate,
                        request -> order(request, RolloutEvent.Pause::new)),
                Route.post(
                        "/api/v1/rollouts/{rollout}/resume",
                        operate,
                        request -> order(request, RolloutEvent.Resume::new)),
                Route.post(
                        "/api/v1/rollouts/{rollout}/abort",
                        operate,
                        request -> order(request, RolloutEvent.Abort::new)),
                Route.post(
                        "/api/v1/rollouts/{rollout}/reverse",
                        approve,
                        request -> order(request, RolloutEvent.Reverse::new)));
    }

    private Answer list(Request request) {
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put("rollouts", rollouts.newest().stream().map(RolloutApi::summary).toList());
        return Answer.document(document);
    }

    private Answer one(Request request) {
        return whole(require(request), request.now());
    }

    private Rollout require(Request request) {
        String name = request.parameter("rollout");
        return rollouts.find(name)
                .orElseThrow(() -> HttpFault.unknown(request.path(), "there is no such rollout"));
    }

    private Answer begin(Request request) {
        Rollout begun = staging.begin(plan(request), person(request.account()), request.now());
        return whole(begun, request.now()).withStatus(201);
    }

    private Answer dryRun(Request request) {
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put("lines", staging.dryRun(plan(request), request.now()));
        return Answer.document(document);
    }

    private RolloutPlan plan(Request request) {
        Fields fields = request.json();
        Optional<String> notBefore = fields.optionalText("notBefore", 40);
        return orders.plan(
                new RolloutOrder.Wish(
                        fields.text("name", NAME),
                        fields.text("livepatch", NAME),
                        fields.text("buildId", NAME),
                        fields.has("rings")
                                ? Optional.of(
                                        new String(
                                                Json.write(fields.object().get("rings")),
                                                StandardCharsets.UTF_8))
                                : Optional.empty(),
                        notBefore.map(text -> moment(text, request.path())).orElse(request.now()),
                        fields.texts("knownExploited", NAME)));
    }

    private static Instant moment(String text, String place) {
        try {
            return Instant.parse(text);
        } catch (DateTimeException e) {
            throw HttpFault.notUnderstood(place, "the field notBefore is no moment in UTC");
        }
    }

    /** Makes an order of who gives it and why. */
    @FunctionalInterface
    private interface Order {
        RolloutEvent of(Person by, String reason);
    }

    private Answer order(Request request, Order order) {
        Rollout rollout = require(request);
        String reason = Texts.kept(request.json().text("reason", REASON), REASON);
        Rollout after =
                staging.order(
                        rollout.name(), order.of(person(request.account()), reason), request.now());
        return whole(after, request.now());
    }

    /** Role and scope are both asked: a token that may only operate approves nothing. */
    private static Person person(Caller caller) {
        dev.rebootless.fleet.rollout.Role role =
                switch (caller.role()) {
                    case VIEWER -> dev.rebootless.fleet.rollout.Role.VIEWER;
                    case OPERATOR -> dev.rebootless.fleet.rollout.Role.OPERATOR;
                    case APPROVER -> dev.rebootless.fleet.rollout.Role.APPROVER;
                    case ADMINISTRATOR -> dev.rebootless.fleet.rollout.Role.ADMINISTRATOR;
                };
        boolean approves =
                !role.covers(dev.rebootless.fleet.rollout.Role.APPROVER)
                        || caller.scopes().contains(Scope.APPROVE);
        return new Person(
                caller.name(), approves ? role : dev.rebootless.fleet.rollout.Role.OPERATOR);
    }

    private static SequencedMap<String, Object> summary(Rollout rollout) {
        SequencedMap<String, Object> fields = new LinkedHashMap<>();
        fields.put("name", rollout.name());
        fields.put("livepatch", rollout.plan().livepatch().module());
        fields.put("sha256", rollout.plan().livepatch().sha256());
        fields.put("buildId", rollout.plan().livepatch().buildId());
        fields.put("cves", rollout.plan().livepatch().cves());
        fields.put(
                "phase",
                rollout.state().phase().getClass().getSimpleName().toLowerCase(Locale.ROOT));
        fields.put("since", rollout.state().phase().since().toString());
        fields.put("created", rollout.created().toString());
        fields.put("by", rollout.by());
        return fields;
    }

    private Answer whole(Rollout rollout, Instant now) {
        SequencedMap<String, Object> document = summary(rollout);
        document.put("state", tree(rollout.state()));
        document.put("plan", tree(rollout.plan()));
        document.put("rings", rings(staging.factsOf(rollout, now)));
        return Answer.document(document);
    }

    private static Object tree(Record value) {
        return Json.tree(RolloutJson.write(value).getBytes(StandardCharsets.UTF_8));
    }

    private static List<Map<String, Object>> rings(RolloutFacts facts) {
        List<Map<String, Object>> rings = new ArrayList<>();
        for (RingFacts ring : facts.rings()) {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("ring", ring.ring());
            fields.put("hosts", ring.hosts());
            fields.put("allowed", ring.allowed());
            Map<String, Integer> standings = new TreeMap<>();
            ring.standings()
                    .forEach((standing, count) -> {
                        if (count > 0) {
                            standings.put(
                                    standing.name().toLowerCase(Locale.ROOT).replace('_', '-'),
                                    count);
                        }
                    });
            fields.put("standings", standings);
            rings.add(fields);
        }
        return rings;
    }
}
