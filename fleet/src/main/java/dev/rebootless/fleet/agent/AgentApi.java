package dev.rebootless.fleet.agent;

import dev.rebootless.base.Problem;
import dev.rebootless.fleet.store.AttemptStore;
import dev.rebootless.fleet.store.AuditLog;
import dev.rebootless.fleet.store.HostStore;
import dev.rebootless.fleet.store.Report;
import dev.rebootless.fleet.store.TokenStore;
import dev.rebootless.fleet.web.Access;
import dev.rebootless.fleet.web.Answer;
import dev.rebootless.fleet.web.Fields;
import dev.rebootless.fleet.web.HttpFault;
import dev.rebootless.fleet.web.Json;
import dev.rebootless.fleet.web.Request;
import dev.rebootless.fleet.web.Route;
import dev.rebootless.fleet.web.Texts;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Semaphore;

/** What agents ask (docs/contract-fleet.md, "Messages"). */
public final class AgentApi {
    private static final int REPORT_BODY = 512 << 10;
    private static final Duration CLOCK_TOLERANCE = Duration.ofMinutes(5);
    private static final Duration ROOT_WAIT = Duration.ofMinutes(1);
    private static final int HOSTNAME = 253;
    private static final int TOKEN = 200;
    private static final int MOST_PROBLEMS = 100;
    private static final Set<String> ACTIONS = Set.of("load", "unload", "reverse");
    private static final Set<String> OUTCOMES = Set.of("done", "refused", "failed", "reversed");

    /** Each waits for the rollout, with a connection; the others are the reports'. */
    private static final int ASKING_AT_ONCE = 6;

    private static final Duration ASK_AGAIN = Duration.ofSeconds(5);

    private final Semaphore asking = new Semaphore(ASKING_AT_ONCE);
    private final Parts parts;

    /**
     * What it works with.
     *
     * @param interval between two reports of a host
     */
    public record Parts(
            HostStore hosts,
            AttemptStore attempts,
            AuditLog audit,
            ReportQueue reports,
            HostKeys keys,
            PublishedReleases releases,
            AttemptPolicy policy,
            Duration interval) {}

    private final Authentication authentication;
    private final FactsReader facts = new FactsReader();

    /** Of its parts. */
    public AgentApi(Parts parts) {
        this.parts = parts;
        this.authentication = new Authentication(parts.keys());
    }

    /** All that agents can ask. */
    public List<Route> routes() {
        Access host = new Access.Host();
        return List.of(
                Route.post(
                        "/agent/v1/enroll",
                        new Access.Open("the enrolment token in it is the right"),
                        this::enrol),
                Route.post(
                        "/agent/v1/key",
                        new Access.Open("it is signed with the host's own key"),
                        this::key),
                new Route("POST", "/agent/v1/report", host, REPORT_BODY, this::report),
                Route.post("/agent/v1/attempts", host, this::attempt),
                Route.post("/agent/v1/attempts/{attempt}/outcome", host, this::outcome));
    }

    private Answer enrol(Request request) {
        Fields fields = request.json();
        String token = fields.text("token", TOKEN);
        byte[] publicKey = fields.hex("publicKey", 32);
        byte[] machine = fields.hex("machine", 32);
        HexFormat hex = HexFormat.of();
        String signed =
                "rebootless-enroll-1\n%s\n%s\n%s\n"
                        .formatted(token, hex.formatHex(publicKey), hex.formatHex(machine));
        if (!Ed25519.isKey(publicKey)) {
            throw HttpFault.notUnderstood(request.path(), "the field publicKey is no Ed25519 key");
        }
        if (!Ed25519.verifies(publicKey, signed, fields.hex("signature", 64))) {
            throw AgentFaults.signature(request.path());
        }
        byte[] root =
                parts.releases()
                        .newestRoot()
                        .orElseThrow(() ->
                                HttpFault.notNow(
                                        "RBL-FLEET-NO-ROOT",
                                        "the server's repository has no root yet, with which a host begins",
                                        ROOT_WAIT));
        HostStore.Candidate candidate =
                new HostStore.Candidate(
                        publicKey,
                        machine,
                        Texts.kept(fields.text("hostname", HOSTNAME), HOSTNAME));
        HostStore.Enrolment enrolment =
                parts.hosts()
                        .enrol(
                                TokenStore.sha256(token),
                                candidate,
                                request.now(),
                                parts.audit().of("enrolment", request.now()));
        UUID id =
                switch (enrolment) {
                    case HostStore.Enrolled enrolled -> enrolled.host();
                    case HostStore.TokenRefused _ -> throw AgentFaults.token();
                    case HostStore.KeyKnown _ -> throw AgentFaults.keyKnown();
                };
        SequencedMap<String, Object> answer = new LinkedHashMap<>();
        answer.put("host", id);
        answer.put("root", Base64.getEncoder().encodeToString(root));
        answer.put("intervalSeconds", parts.interval().toSeconds());
        return Answer.document(answer);
    }

    private Answer key(Request request) {
        Fields fields = request.json();
        UUID host = fields.uuid("host");
        String time = fields.text("time", 40);
        byte[] nonce = fields.hex("nonce", 16);
        byte[] signature = fields.hex("signature", 64);
        Instant now = request.now();
        Instant sent = moment(time, request.path());
        if (Duration.between(sent, now).abs().compareTo(CLOCK_TOLERANCE) > 0) {
            throw AgentFaults.clock(now);
        }
        byte[] publicKey =
                parts.hosts().publicKeyOf(host).orElseThrow(() -> AgentFaults.unknownHost(host));
        String signed =
                "rebootless-key-1\n%s\n%s\n%s\n"
                        .formatted(host, time, HexFormat.of().formatHex(nonce));
        if (!Ed25519.verifies(publicKey, signed, signature)) {
            throw AgentFaults.signature(request.path());
        }
        // Afterwards its time alone refuses it.
        if (!parts.hosts().isFirst(host, nonce, sent.plus(CLOCK_TOLERANCE.multipliedBy(2)))) {
            throw new HttpFault(
                    HttpFault.Status.CONTRADICTION,
                    new Problem(
                            "RBL-FLEET-REPLAY",
                            host.toString(),
                            "the same request for a key came before",
                            "ask with a new nonce"));
        }
        HostKeys.Key key = parts.keys().issue(host, now);
        SequencedMap<String, Object> answer = new LinkedHashMap<>();
        answer.put("keyId", key.name());
        answer.put("key", HexFormat.of().formatHex(key.key()));
        answer.put("expires", key.expires().toString());
        return Answer.document(answer);
    }

    private static Instant moment(String time, String place) {
        try {
            return Instant.parse(time);
        } catch (DateTimeException e) {
            throw HttpFault.notUnderstood(place, "the field time is no moment in UTC");
        }
    }

    private Answer report(Request request) {
        Authentication.Message message = authentication.require(request);
        Report.Content content = facts.read(request.body(), message.bodySha256(), request.path());
        Report.Outcome outcome =
                parts.reports().write(new Report(message.host(), message.sequence(), content));
        Report.Acknowledged acknowledged =
                switch (outcome) {
                    case Report.Acknowledged yes -> yes;
                    case Report.Replayed replayed ->
                            throw replay(message.host(), replayed.last(), request.now());
                    case Report.UnknownHost _ -> throw AgentFaults.unknownHost(message.host());
                };
        SequencedMap<String, Object> answer = new LinkedHashMap<>();
        answer.put("acknowledged", message.sequence());
        answer.put("ring", acknowledged.membership().ring());
        answer.put("intervalSeconds", parts.interval().toSeconds());
        answer.put("whole", acknowledged.whole());
        answer.put(
                "reverse",
                parts.policy()
                        .reversal(
                                message.host(),
                                acknowledged.membership(),
                                acknowledged.buildId(),
                                request.now()));
        return Answer.document(answer);
    }

    /** Only messages that are authentic come so far. */
    private HttpFault replay(UUID host, long last, Instant now) {
        parts.hosts().suspectClone(host, now);
        return AgentFaults.replay(host, last);
    }

    private HttpFault outOfSequence(UUID host, HostStore.Taken taken, Instant now) {
        return switch (taken) {
            case HostStore.NotNext notNext -> replay(host, notNext.last(), now);
            case HostStore.NoHost _ -> AgentFaults.unknownHost(host);
            case HostStore.Next _ -> throw new IllegalStateException("it was in sequence");
        };
    }

    private Answer attempt(Request request) {
        Authentication.Message message = authentication.require(request);
        if (!asking.tryAcquire()) {
            throw HttpFault.notNow(
                    "RBL-FLEET-BUSY", "many hosts ask at once whether they may act", ASK_AGAIN);
        }
        try {
            return attempt(request, message);
        } finally {
            asking.release();
        }
    }

    private Answer attempt(Request request, Authentication.Message message) {
        Fields fields = request.json();
        AttemptStore.Wanted wanted = wanted(fields, request.path());
        Instant now = request.now();
        AttemptStore.Answer answer =
                parts.attempts()
                        .request(
                                message.host(),
                                message.sequence(),
                                wanted,
                                now,
                                (handle, membership) ->
                                        parts.policy()
                                                .decide(
                                                        handle,
                                                        new AttemptPolicy.Asked(
                                                                message.host(),
                                                                membership,
                                                                wanted,
                                                                now)));
        AttemptStore.Open open =
                switch (answer) {
                    case AttemptStore.Allowed allowed -> allowed.attempt();
                    case AttemptStore.Waits waits -> throw waits(waits.why());
                    case AttemptStore.Busy busy ->
                            throw waits(
                                    "this host's attempt to %s %s has no outcome yet, and may take until %s"
                                            .formatted(
                                                    busy.other().wanted().action(),
                                                    busy.other().wanted().livepatch(),
                                                    busy.other().expires()));
                    case AttemptStore.OutOfSequence out ->
                            throw outOfSequence(message.host(), out.taken(), now);
                };
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put("attempt", open.id());
        document.put(
                "limitSeconds", Math.max(1, Duration.between(now, open.expires()).toSeconds()));
        return Answer.document(document);
    }

    private static AttemptStore.Wanted wanted(Fields fields, String place) {
        String action = fields.text("action", 16);
        String livepatch = fields.text("livepatch", 64);
        String buildId = fields.text("buildId", 40);
        if (!ACTIONS.contains(action)) {
            throw HttpFault.notUnderstood(
                    place, "the field action is none of load, unload, reverse");
        }
        if (!livepatch.matches("[A-Za-z0-9_]{1,55}")) {
            throw HttpFault.notUnderstood(place, "the field livepatch is no name of a module");
        }
        if (!buildId.matches("(?:[0-9a-f]{2}){1,20}")) {
            throw HttpFault.notUnderstood(place, "the field buildId is none");
        }
        return new AttemptStore.Wanted(
                action,
                livepatch,
                HexFormat.of().formatHex(fields.hex("sha256", 32)),
                buildId,
                (int) fields.number("stateVersion", 1, Integer.MAX_VALUE));
    }

    private static HttpFault waits(String why) {
        return new HttpFault(
                HttpFault.Status.CONTRADICTION,
                new Problem(
                        "RBL-FLEET-WAIT",
                        "",
                        why,
                        "nothing: the agent asks again with its next report"));
    }

    private Answer outcome(Request request) {
        Authentication.Message message = authentication.require(request);
        UUID attempt =
                Texts.uuid(request.parameter("attempt"))
                        .orElseThrow(() -> noAttempt(request.parameter("attempt")));
        Fields fields = request.json();
        String outcome = fields.text("outcome", 16);
        if (!OUTCOMES.contains(outcome)) {
            throw HttpFault.notUnderstood(
                    request.path(), "the field outcome is none of done, refused, failed, reversed");
        }
        AttemptStore.Finished finished =
                parts.attempts()
                        .finish(
                                message.host(),
                                message.sequence(),
                                attempt,
                                new AttemptStore.Result(
                                        outcome,
                                        (int) fields.number("exitStatus", 0, 255),
                                        seconds(fields, request.path()),
                                        problems(fields)),
                                request.now());
        switch (finished) {
            case AttemptStore.Recorded _ -> {}
            case AttemptStore.NoAttempt _ -> throw noAttempt(attempt.toString());
            case AttemptStore.Contradicts before ->
                    throw new HttpFault(
                            HttpFault.Status.CONTRADICTION,
                            new Problem(
                                    "RBL-FLEET-OUTCOME",
                                    attempt.toString(),
                                    "this attempt's outcome is known already: " + before.outcome(),
                                    "nothing: the first outcome of an attempt counts"));
            case AttemptStore.NotInSequence out ->
                    throw outOfSequence(message.host(), out.taken(), request.now());
        }
        SequencedMap<String, Object> answer = new LinkedHashMap<>();
        answer.put("acknowledged", message.sequence());
        return Answer.document(answer);
    }

    private static Optional<Double> seconds(Fields fields, String place) {
        Optional<Double> seconds = fields.optionalDecimal("transitionSeconds");
        if (seconds.filter(s -> s < 0).isPresent()) {
            throw HttpFault.notUnderstood(place, "the field transitionSeconds is negative");
        }
        return seconds;
    }

    /** As JSON for the database, which takes no zero characters. */
    private static String problems(Fields fields) {
        List<SequencedMap<String, String>> problems =
                fields.objects("problems").stream()
                        .limit(MOST_PROBLEMS)
                        .map(problem -> {
                            SequencedMap<String, String> kept = new LinkedHashMap<>();
                            for (String name : List.of("code", "place", "message", "remedy")) {
                                kept.put(
                                        name,
                                        Texts.kept(
                                                problem.optionalText(name, Integer.MAX_VALUE)
                                                        .orElse(""),
                                                2000));
                            }
                            return kept;
                        })
                        .toList();
        return new String(Json.write(problems), java.nio.charset.StandardCharsets.UTF_8);
    }

    private static HttpFault noAttempt(String attempt) {
        return HttpFault.unknown(Texts.kept(attempt, 64), "this host has no such attempt");
    }
}
