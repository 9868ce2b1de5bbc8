package dev.rebootless.fleet;

import dev.rebootless.base.FileFaults;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.fleet.account.Accounts;
import dev.rebootless.fleet.agent.AgentApi;
import dev.rebootless.fleet.agent.AttemptPolicy;
import dev.rebootless.fleet.agent.HostKeys;
import dev.rebootless.fleet.agent.PublishedReleases;
import dev.rebootless.fleet.agent.ReportQueue;
import dev.rebootless.fleet.api.AccountApi;
import dev.rebootless.fleet.api.EnrolmentApi;
import dev.rebootless.fleet.api.FleetApi;
import dev.rebootless.fleet.api.HealthApi;
import dev.rebootless.fleet.api.RolloutApi;
import dev.rebootless.fleet.api.SetupApi;
import dev.rebootless.fleet.api.SystemApi;
import dev.rebootless.fleet.job.Jobs;
import dev.rebootless.fleet.job.RepositoryRefresh;
import dev.rebootless.fleet.job.SilentHosts;
import dev.rebootless.fleet.staging.RolloutOrder;
import dev.rebootless.fleet.staging.RolloutPolicy;
import dev.rebootless.fleet.staging.RolloutStore;
import dev.rebootless.fleet.staging.Staging;
import dev.rebootless.fleet.store.AttemptList;
import dev.rebootless.fleet.store.AttemptStore;
import dev.rebootless.fleet.store.AuditList;
import dev.rebootless.fleet.store.AuditLog;
import dev.rebootless.fleet.store.Database;
import dev.rebootless.fleet.store.EmbeddedDatabase;
import dev.rebootless.fleet.store.Exposure;
import dev.rebootless.fleet.store.HostStore;
import dev.rebootless.fleet.store.Overview;
import dev.rebootless.fleet.store.ReportStore;
import dev.rebootless.fleet.store.SecretStore;
import dev.rebootless.fleet.store.SystemClasses;
import dev.rebootless.fleet.store.SystemQuery;
import dev.rebootless.fleet.store.TokenStore;
import dev.rebootless.fleet.web.Access;
import dev.rebootless.fleet.web.HttpServer;
import dev.rebootless.fleet.web.Metrics;
import dev.rebootless.fleet.web.RepositoryFiles;
import dev.rebootless.fleet.web.Route;
import dev.rebootless.fleet.web.ServerCertificate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * One process of the server. What it knows is in PostgreSQL, so that several with one database work
 * as one, and none that is killed takes anything with it.
 */
public final class FleetServer implements AutoCloseable {
    private static final int CONNECTIONS = 16;

    /** A halt must not wait long; what hosts say meanwhile halts as well. */
    private static final Duration MOST_BETWEEN_DECISIONS = Duration.ofSeconds(30);

    /** What those who release have signed is visible by then. */
    private static final Duration REFRESH = Duration.ofMinutes(1);

    private static final Duration LOOK_FOR_SILENT = Duration.ofMinutes(1);
    private static final Duration CLEAN = Duration.ofMinutes(10);

    private final Deque<AutoCloseable> parts = new ArrayDeque<>();
    private final ServerCertificate certificate;
    private final List<Route> routes;
    private final Runnable decideRollouts;
    private final HttpServer http;
    private final Accounts accounts;
    private final Optional<EmbeddedDatabase> embedded;

    private FleetServer(FleetOptions options, Clock clock, Progress progress) {
        try {
            makeFolders(options);
            this.certificate =
                    options.certificate()
                            .map(c -> ServerCertificate.read(c.chain(), c.key()))
                            .orElseGet(() -> ServerCertificate.in(options.data().resolve("tls")));
            this.embedded =
                    options.database().isPresent()
                            ? Optional.empty()
                            : Optional.of(
                                    opened(EmbeddedDatabase.start(options.postgres(), progress)));
            progress.step("connecting to the database");
            Database database =
                    opened(
                            Database.open(
                                    options.database()
                                            .or(() -> embedded.map(EmbeddedDatabase::address))
                                            .orElseThrow(),
                                    CONNECTIONS));
            AuditLog audit = new AuditLog(database);
            this.accounts = new Accounts(database, audit, clock);
            Metrics metrics = new Metrics();
            PublishedReleases releases =
                    new PublishedReleases(options.repository(), trusted(options), clock);
            Staging staging = new Staging(new RolloutStore(database), audit, releases::state);
            this.decideRollouts = () -> staging.decideAll(clock.instant());
            this.routes = routes(options, clock, database, audit, metrics, releases, staging);
            this.http =
                    opened(
                            new HttpServer(
                                    new HttpServer.Listen(options.host(), options.port()),
                                    certificate,
                                    routes,
                                    accounts,
                                    metrics,
                                    clock));
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /**
     * Starts a server.
     *
     * @throws RebootlessException exit status 5 when something that it needs is missing
     */
    public static FleetServer start(FleetOptions options, Clock clock, Progress progress) {
        return new FleetServer(options, clock, progress);
    }

    private <T extends AutoCloseable> T opened(T part) {
        parts.push(part);
        return part;
    }

    private static void makeFolders(FleetOptions options) {
        try {
            Files.createDirectories(options.data());
            for (Path folder : List.of(options.repository(), trusted(options))) {
                Files.createDirectories(folder);
            }
        } catch (IOException e) {
            throw RebootlessException.environment(
                    "RBL-FLEET-DATA",
                    options.data().toString(),
                    "cannot be written: " + FileFaults.reason(e),
                    "free some space there, and see that this user may write to it");
        }
    }

    private static Path trusted(FleetOptions options) {
        return options.data().resolve("trusted");
    }

    private List<Route> routes(
            FleetOptions options,
            Clock clock,
            Database database,
            AuditLog audit,
            Metrics metrics,
            PublishedReleases releases,
            Staging staging) {
        SystemClasses classes = new SystemClasses(database);
        HostStore hosts = new HostStore(database, classes);
        ReportQueue reports =
                opened(new ReportQueue(new ReportStore(database, classes), metrics, clock));
        RolloutStore rollouts = new RolloutStore(database);
        AttemptPolicy policy = new RolloutPolicy(releases, staging);
        AgentApi.Parts agent =
                new AgentApi.Parts(
                        hosts,
                        new AttemptStore(database, hosts, audit),
                        audit,
                        reports,
                        new HostKeys(new SecretStore(database)),
                        releases,
                        policy,
                        options.interval());
        Duration silentAfter = options.silentAfter();
        Runnable clean =
                () -> {
                    hosts.removeOld(clock.instant());
                    accounts.removeOld();
                    classes.removeUnused();
                };
        opened(
                Jobs.start(
                        database,
                        List.of(
                                new Jobs.Job(
                                        "decide-rollouts",
                                        betweenDecisions(options),
                                        decideRollouts),
                                new Jobs.Job(
                                        "refresh-repository",
                                        REFRESH,
                                        new RepositoryRefresh(
                                                options.repository(), options.keys(), clock)),
                                new Jobs.Job(
                                        "mark-silent-hosts",
                                        LOOK_FOR_SILENT,
                                        new SilentHosts(hosts, silentAfter, clock)),
                                new Jobs.Job("remove-what-is-old", CLEAN, clean))));
        AttemptList attempts = new AttemptList(database);
        List<Route> all = new ArrayList<>();
        all.addAll(new AgentApi(agent).routes());
        all.add(
                Route.get(
                        "/repository/{+file}",
                        new Access.Open("the files are signed, and for whoever wants them"),
                        new RepositoryFiles(options.repository())::get));
        all.addAll(new HealthApi(database, metrics).routes());
        all.addAll(new SetupApi(accounts).routes());
        all.addAll(new AccountApi(accounts).routes());
        all.addAll(
                new RolloutApi(
                                staging,
                                rollouts,
                                new RolloutOrder(
                                        hosts.rings(), options.interval(), releases::state))
                        .routes());
        all.addAll(new EnrolmentApi(new TokenStore(database, audit), accounts).routes());
        all.addAll(new SystemApi(new SystemQuery(database), hosts, attempts, audit).routes());
        all.addAll(
                new FleetApi(
                                new FleetApi.Stores(
                                        new Overview(database),
                                        new Exposure(database),
                                        attempts,
                                        new AuditList(database),
                                        audit,
                                        silentAfter))
                        .routes());
        return List.copyOf(all);
    }

    /** Several in a report period, so that nothing waits for long that hosts have said. */
    private static Duration betweenDecisions(FleetOptions options) {
        return Collections.min(List.of(MOST_BETWEEN_DECISIONS, options.interval().dividedBy(4)));
    }

    /** What a job does several times in a report period, now. */
    void decideRollouts() {
        decideRollouts.run();
    }

    /** The table of all that can be asked, and who may. */
    public List<Route> routes() {
        return routes;
    }

    /** The port that it listens on. */
    public int port() {
        return http.port();
    }

    /** SHA-256 of its certificate, as agents are given it. */
    public String fingerprint() {
        return certificate.fingerprint();
    }

    /** What the one-time link of the first administrator has as its token, while there is none. */
    public Optional<String> setupSecret() {
        return accounts.newSetupSecret();
    }

    /** The database that it brought along, if it did. */
    public Optional<EmbeddedDatabase> embedded() {
        return embedded;
    }

    /** Answers no more, and ends what it started, the last first. */
    @Override
    public void close() {
        while (!parts.isEmpty()) {
            try {
                parts.pop().close();
            } catch (Exception e) {
                org.slf4j.LoggerFactory.getLogger(FleetServer.class)
                        .warn("while the server ends: {}", e.toString());
            }
        }
    }
}
