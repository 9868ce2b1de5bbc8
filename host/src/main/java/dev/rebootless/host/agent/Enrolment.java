package dev.rebootless.host.agent;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.trust.tuf.TufClient;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.UserPrincipal;
import java.nio.file.attribute.UserPrincipalNotFoundException;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Makes this host one of a server's. Root does it, once; all is prepared aside in a folder of
 * root's, and is handed over to the network side's user whole, in one step. The identity is made
 * and kept before the token goes out, so that the same call again gets the same answer.
 */
final class Enrolment {
    private static final String ASIDE = AgentFolder.ROOT + "/enrolling";
    private static final String TRUSTED = "trusted";
    private static final int MAX_TOKEN = 1_024;

    /** A root may have 512 KiB, a third more in base 64. */
    private static final int MAX_ANSWER = 1 << 20;

    /** Above what SMTP, HTTP or any other header would take; the token's form is the server's. */
    private static final Pattern TOKEN = Pattern.compile("[\\x21-\\x7e]{8,1000}");

    private static final Pattern BASE64 = Pattern.compile("[A-Za-z0-9+/]+={0,2}");

    private final AgentMachine machine;
    private final AgentOutput output;

    Enrolment(AgentMachine machine, AgentOutput output) {
        this.machine = machine;
        this.output = output;
    }

    /**
     * Enrols.
     *
     * @param tokenFile a file, or {@code -} for standard input; never an argument, which everybody
     *     on the machine may read
     * @throws RebootlessException exit status 2 {@code RBL-AGENT-ENROLLED}, {@code RBL-AGENT-URL},
     *     {@code RBL-AGENT-TOKEN}; 5 {@code RBL-AGENT-USER}; as {@link FleetServer#post}
     */
    void enrol(String url, Fingerprint fingerprint, String tokenFile) {
        URI address = FleetServer.address(url);
        AgentFolder agent = new AgentFolder(machine.files(), AgentFolder.AGENT);
        if (agent.exists()) {
            throw RebootlessException.usage(
                    "RBL-AGENT-ENROLLED",
                    AgentFolder.AGENT,
                    "this host belongs to a server already",
                    "see `rebootless agent status`; to enrol it anew, remove this folder and "
                            + AgentFolder.TRUSTED);
        }
        UserPrincipal user = user();
        String token = token(tokenFile);
        // Whatever the umask is: the network side has to get through.
        new AgentFolder(machine.files(), AgentFolder.ROOT).create(true);
        AgentFolder aside = new AgentFolder(machine.files(), ASIDE);
        aside.create(false);
        aside.requireOwn("run it as root");
        boolean _ =
                aside.alone(() -> {
                    Settings settings = ask(address, fingerprint, token, aside);
                    handOver(aside, user);
                    output.say("enrolled at " + settings.server() + " as " + settings.host());
                    return true;
                });
        machine.units().enable();
    }

    private UserPrincipal user() {
        try {
            return machine.files()
                    .path("/")
                    .getFileSystem()
                    .getUserPrincipalLookupService()
                    .lookupPrincipalByName(machine.user());
        } catch (UserPrincipalNotFoundException e) {
            throw RebootlessException.environment(
                    "RBL-AGENT-USER",
                    machine.user(),
                    "there is no such user, as whom the agent would talk to the network",
                    "install the host's package, then: systemd-sysusers");
        } catch (IOException e) {
            throw RebootlessException.environment(
                    "RBL-AGENT-USER",
                    machine.user(),
                    "the system's users cannot be read: " + e.getMessage(),
                    "see /etc/nsswitch.conf");
        }
    }

    private String token(String file) {
        byte[] bytes;
        try (InputStream in =
                file.equals("-") ? machine.in() : Files.newInputStream(Path.of(file))) {
            bytes = in.readNBytes(MAX_TOKEN + 1);
        } catch (IOException | java.nio.file.InvalidPathException e) {
            throw badToken(file, "cannot be read");
        }
        String token = new String(bytes, StandardCharsets.UTF_8).strip();
        if (bytes.length > MAX_TOKEN || !TOKEN.matcher(token).matches()) {
            throw badToken(file, "holds no token");
        }
        return token;
    }

    private static RebootlessException badToken(String file, String why) {
        return RebootlessException.usage(
                "RBL-AGENT-TOKEN",
                file,
                why,
                "give a file with the token that the server's administrator made, alone on one line, or - for standard input");
    }

    /** In a folder of root's alone. */
    private Settings ask(URI address, Fingerprint fingerprint, String token, AgentFolder aside) {
        Identity identity =
                aside.read(Identity.FILE)
                        .flatMap(Identity::parse)
                        .orElseGet(() -> {
                            Identity made = Identity.generate();
                            aside.writeSecret(Identity.FILE, made.pem());
                            return made;
                        });
        String key = identity.publicKey();
        String id = machineId();
        AgentJson message =
                AgentJson.document()
                        .put("token", token)
                        .put("publicKey", key)
                        .put(
                                "hostname",
                                machine.files()
                                        .read("/proc/sys/kernel/hostname")
                                        .known()
                                        .orElse("unknown"))
                        .put("machine", id)
                        .put(
                                "signature",
                                identity.sign(
                                        String.join(
                                                "\n", "rebootless-enroll-1", token, key, id, "")));
        Answer answer;
        try (FleetServer server = new FleetServer(address, fingerprint, machine.pause())) {
            answer =
                    server.post(
                            "/agent/v1/enroll",
                            message.text().getBytes(StandardCharsets.UTF_8),
                            MAX_ANSWER,
                            java.util.Map::of);
        }
        byte[] root = root(answer);
        trust(aside, root);
        long version =
                new AgentFolder(machine.files(), ASIDE + "/" + TRUSTED)
                        .document("root.json")
                        .map(RootVersion::of)
                        .orElseThrow();
        Settings settings =
                new Settings(
                        address,
                        fingerprint,
                        answer.text("host", Answer.UUID),
                        version,
                        machine.clock().instant().truncatedTo(ChronoUnit.SECONDS));
        aside.write(FleetSession.SEQUENCE, "0\n".getBytes(StandardCharsets.US_ASCII));
        aside.write(Settings.FILE, settings.json());
        return settings;
    }

    private static byte[] root(Answer answer) {
        try {
            return Base64.getDecoder().decode(answer.text("root", BASE64));
        } catch (IllegalArgumentException e) {
            throw answer.bad("root", "is no base 64");
        }
    }

    /** The network side's own copy, and the one that only root can change. */
    private void trust(AgentFolder aside, byte[] root) {
        try {
            // Of a call that ended here, whose answer may have been another.
            AtomicFiles.removeTree(aside.path(TRUSTED));
        } catch (IOException e) {
            throw aside.fault(TRUSTED, e);
        }
        TufClient.trust(aside.path(TRUSTED), root);
        AgentFolder trusted = new AgentFolder(machine.files(), AgentFolder.TRUSTED);
        trusted.create(false);
        TufClient.trust(trusted.path(""), root);
    }

    private String machineId() {
        String id = machine.files().read("/etc/machine-id").known().orElse("").strip();
        if (id.isEmpty()) {
            throw RebootlessException.environment(
                    "RBL-AGENT-MACHINE",
                    "/etc/machine-id",
                    "is not there or empty, and tells this host from others",
                    "systemd-machine-id-setup");
        }
        return Hashes.sha256(id.getBytes(StandardCharsets.UTF_8));
    }

    private void handOver(AgentFolder aside, UserPrincipal user) {
        Path from = aside.path("");
        Path to = machine.files().path(AgentFolder.AGENT);
        try {
            try (Stream<Path> all = Files.walk(from)) {
                for (Path each : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                    Files.getFileAttributeView(
                                    each, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
                            .setOwner(user);
                }
            }
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw aside.fault("", e);
        }
    }

    /** What is left of an enrolment that did not come to its end, for {@code status}. */
    static Optional<String> unfinished(AgentMachine machine) {
        return machine.files().exists(ASIDE)
                ? Optional.of("an enrolment was begun and not finished: call it again")
                : Optional.empty();
    }
}
