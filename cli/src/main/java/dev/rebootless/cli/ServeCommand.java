package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.fleet.FleetOptions;
import dev.rebootless.fleet.FleetServer;
import dev.rebootless.fleet.LocalDatabase;
import dev.rebootless.fleet.api.EnrolmentApi;
import dev.rebootless.fleet.store.AuditLog;
import dev.rebootless.fleet.store.DatabaseAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The server of a fleet. */
@Command(
        name = "serve",
        description = "Serve a fleet: what hosts report, and what they should run.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  rebootless serve --data /var/lib/rebootless-fleet",
            "  rebootless serve --data /var/lib/rebootless-fleet token --tag canary",
            "  rebootless serve --data /srv/fleet --database jdbc:postgresql://db/fleet --database-user fleet",
            "",
            "Without --database PostgreSQL runs as a part of the server, in a folder under --data: for",
            "trials, and for fleets that one machine can serve. Back that folder up, or use --database."
        })
final class ServeCommand implements Callable<Integer> {
    private final Console console;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "The server's folder (default: ${DEFAULT-VALUE}).")
    private Path data = Path.of("/var/lib/rebootless-fleet");

    @Option(
            names = "--listen",
            paramLabel = "HOST:PORT",
            description = "Where to listen; port 0 takes any (default: ${DEFAULT-VALUE}).")
    private String listen = "0.0.0.0:8443";

    @Option(
            names = "--url",
            paramLabel = "URL",
            description = "What others reach the server by (default: this machine's name).")
    private Optional<String> url = Optional.empty();

    @Option(
            names = "--certificate",
            paramLabel = "FILE",
            description =
                    "Certificate chain in PEM, with --key (default: one that it makes itself).")
    private Optional<Path> certificate = Optional.empty();

    @Option(names = "--key", paramLabel = "FILE", description = "Its private key in PEM.")
    private Optional<Path> key = Optional.empty();

    @Option(
            names = "--database",
            paramLabel = "URL",
            description = "A PostgreSQL of your own: jdbc:postgresql://HOST/NAME.")
    private Optional<String> database = Optional.empty();

    @Option(
            names = "--database-user",
            paramLabel = "NAME",
            description = "Its user (default: ${DEFAULT-VALUE}).")
    private String databaseUser = "rebootless";

    @Option(
            names = "--database-password-file",
            paramLabel = "FILE",
            description = "File with the password (default: what PGPASSFILE names).")
    private Optional<Path> databasePasswordFile = Optional.empty();

    @Option(
            names = "--interval",
            paramLabel = "SECONDS",
            description = "Time between two reports of a host (default: ${DEFAULT-VALUE}).")
    private int interval = (int) FleetOptions.INTERVAL.toSeconds();

    @Option(names = "--json", description = Texts.JSON)
    private boolean json;

    private ServeCommand(Console console) {
        this.console = console;
    }

    static CommandLine commandLine(Console console) {
        ServeCommand serve = new ServeCommand(console);
        return new CommandLine(serve)
                .addSubcommand(new Token(console, serve))
                .addSubcommand(new VerifyAudit(console, serve));
    }

    /** {@code serve.schema.json}: where a server is. */
    record Serving(int schemaVersion, String url, String fingerprint, Optional<String> setup)
            implements Documents.Document {}

    @Override
    public Integer call() {
        try (FleetServer server =
                FleetServer.start(options(), Clock.systemUTC(), console.progress())) {
            String base = url.orElseGet(() -> "https://" + hostName() + ":" + server.port());
            Serving serving =
                    new Serving(
                            Documents.SCHEMA_VERSION,
                            base,
                            server.fingerprint(),
                            server.setupSecret().map(secret -> base + "/setup?token=" + secret));
            if (json) {
                console.printLine(serving);
            } else {
                console.print(text(serving));
            }
            new CountDownLatch(1).await();
            return ExitStatus.DONE.code();
        } catch (InterruptedException e) {
            console.step("stopped");
            Thread.currentThread().interrupt();
            return ExitStatus.INTERRUPTED.code();
        }
    }

    private static String text(Serving serving) {
        StringBuilder text = new StringBuilder();
        text.append("serving      ").append(serving.url()).append('\n');
        text.append("fingerprint  ").append(serving.fingerprint()).append('\n');
        serving.setup()
                .ifPresent(link ->
                        text.append("first administrator (once, within a day)\n             ")
                                .append(link)
                                .append('\n'));
        return text.toString();
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getCanonicalHostName();
        } catch (UnknownHostException e) {
            return "localhost";
        }
    }

    private FleetOptions options() {
        if (certificate.isPresent() != key.isPresent()) {
            throw RebootlessException.usage(
                    "RBL-USAGE",
                    "--certificate",
                    "a certificate and its key belong together",
                    "give both --certificate and --key, or neither");
        }
        if (interval < 10 || interval > Duration.ofDays(1).toSeconds()) {
            throw RebootlessException.usage(
                    "RBL-USAGE",
                    "--interval",
                    "is not from 10 seconds to a day",
                    "choose another one; 1800 suits most");
        }
        int colon = listen.lastIndexOf(':');
        return new FleetOptions(
                data,
                colon > 0 ? listen.substring(0, colon) : "0.0.0.0",
                port(listen.substring(colon + 1)),
                certificate.flatMap(c -> key.map(k -> new FleetOptions.Certificate(c, k))),
                address(),
                Duration.ofSeconds(interval));
    }

    private static int port(String text) {
        if (text.matches("[0-9]{1,5}") && Integer.parseInt(text) <= 65535) {
            return Integer.parseInt(text);
        }
        throw RebootlessException.usage(
                "RBL-USAGE", "--listen", "has no port", "give it as HOST:PORT or PORT");
    }

    private Optional<DatabaseAddress> address() {
        if (database.isEmpty()) {
            return Optional.empty();
        }
        if (!database.get().startsWith("jdbc:postgresql:")) {
            throw RebootlessException.usage(
                    "RBL-USAGE",
                    "--database",
                    "is no address of a PostgreSQL database",
                    "give it as jdbc:postgresql://HOST/NAME");
        }
        if (database.get().contains("password=")) {
            throw RebootlessException.usage(
                    "RBL-USAGE",
                    "--database",
                    "a password does not belong into arguments, which every user can read",
                    "put it into a file, with --database-password-file or PGPASSFILE");
        }
        String password = databasePasswordFile.map(ServeCommand::password).orElse("");
        return Optional.of(new DatabaseAddress(database.get(), databaseUser, password));
    }

    private static String password(Path file) {
        try {
            return Files.readString(file).strip();
        } catch (IOException e) {
            throw RebootlessException.usage(
                    "RBL-USAGE",
                    file.toString(),
                    "cannot be read: " + FileFaults.reason(e),
                    "give a file with the password that this user may read");
        }
    }

    private LocalDatabase localDatabase() {
        return LocalDatabase.open(data, address(), Clock.systemUTC(), console.progress());
    }

    @Command(
            name = "token",
            description =
                    "Print a new enrolment token: it makes one machine a host. For scripts on the"
                            + " server's machine; people ask the server.")
    static final class Token implements Callable<Integer> {
        private final Console console;
        private final ServeCommand serve;

        @Option(
                names = "--tag",
                paramLabel = "TAG",
                required = true,
                description = "Of the host; it decides about its ring.")
        private String tag = "";

        @Option(
                names = "--expires",
                paramLabel = "SECONDS",
                description = "How long it is valid (default: ${DEFAULT-VALUE}, a day).")
        private int expires = (int) Duration.ofDays(1).toSeconds();

        Token(Console console, ServeCommand serve) {
            this.console = console;
            this.serve = serve;
        }

        @Override
        public Integer call() {
            if (!tag.matches(EnrolmentApi.TAG)) {
                throw RebootlessException.usage(
                        "RBL-USAGE",
                        "--tag",
                        "has other characters than lower-case letters, digits, and hyphens between",
                        "choose another one");
            }
            if (expires < 1 || expires > Duration.ofDays(30).toSeconds()) {
                throw RebootlessException.usage(
                        "RBL-USAGE",
                        "--expires",
                        "is not from a second to 30 days",
                        "choose another one");
            }
            try (LocalDatabase database = serve.localDatabase()) {
                console.print(database.newEnrolmentToken(tag, Duration.ofSeconds(expires)) + "\n");
            }
            return ExitStatus.DONE.code();
        }
    }

    @Command(
            name = "verify-audit",
            description = "Compute the audit log's chain again, and print its last entry's hash.")
    static final class VerifyAudit implements Callable<Integer> {
        private final Console console;
        private final ServeCommand serve;

        VerifyAudit(Console console, ServeCommand serve) {
            this.console = console;
            this.serve = serve;
        }

        @Override
        public Integer call() {
            try (LocalDatabase database = serve.localDatabase()) {
                AuditLog.Verdict verdict = database.verifyAuditLog();
                verdict.broken()
                        .ifPresent(why -> {
                            throw RebootlessException.refused(
                                    "RBL-FLEET-AUDIT",
                                    "audit log",
                                    why,
                                    "compare it with a backup, and find out who wrote to the database");
                        });
                console.print(
                        "%d entries, the last is %s%n"
                                .formatted(
                                        verdict.head().number(),
                                        HexFormat.of().formatHex(verdict.head().sha256())));
            }
            return ExitStatus.DONE.code();
        }
    }
}
