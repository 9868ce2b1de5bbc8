package dev.rebootless.fleet.api;

import dev.rebootless.fleet.account.Role;
import dev.rebootless.fleet.account.Scope;
import dev.rebootless.fleet.store.Database;
import dev.rebootless.fleet.web.Access;
import dev.rebootless.fleet.web.Answer;
import dev.rebootless.fleet.web.HttpFault;
import dev.rebootless.fleet.web.Metrics;
import dev.rebootless.fleet.web.Request;
import dev.rebootless.fleet.web.Route;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** What a load balancer and Prometheus ask. */
public final class HealthApi {
    private static final Duration RETRY_AFTER = Duration.ofSeconds(5);

    private final Database database;
    private final Metrics metrics;

    /** Of a process. */
    public HealthApi(Database database, Metrics metrics) {
        this.database = database;
        this.metrics = metrics;
    }

    /** All routes. */
    public List<Route> routes() {
        Access open = new Access.Open("it says nothing but whether the server works");
        return List.of(
                Route.get("/health/live", open, _ -> says("live")),
                Route.get("/health/ready", open, this::ready),
                Route.get(
                        "/metrics", new Access.Account(Role.VIEWER, Scope.METRICS), metrics::get));
    }

    private static Answer says(String status) {
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put("status", status);
        return Answer.document(document);
    }

    private Answer ready(Request request) {
        if (!database.answers()) {
            throw HttpFault.notNow(
                    "RBL-FLEET-DATABASE-AWAY", "the database does not answer now", RETRY_AFTER);
        }
        return says("ready");
    }
}
