package dev.rebootless.host.agent;

import dev.rebootless.base.RebootlessException;
import java.net.URI;
import java.time.Instant;
import java.util.regex.Pattern;

/**
 * To whom this host belongs ({@code agent.json}).
 *
 * @param server its address
 * @param fingerprint of its certificate
 * @param host the id that it gave this host
 * @param rootVersion of the root that came with the enrolment
 * @param enrolled when
 */
record Settings(
        URI server, Fingerprint fingerprint, String host, long rootVersion, Instant enrolled) {
    static final String FILE = "agent.json";

    private static final Pattern ANY = Pattern.compile(".{1,400}");

    AgentJson json() {
        return AgentJson.document()
                .put("server", server.toString())
                .put("fingerprint", fingerprint.toString())
                .put("host", host)
                .put("rootVersion", rootVersion)
                .put("enrolled", enrolled.toString());
    }

    /**
     * This host's.
     *
     * @throws RebootlessException exit status 5 {@code RBL-AGENT-NOT-ENROLLED}
     */
    static Settings in(AgentFolder folder) {
        Answer file = folder.document(FILE).orElseThrow(Settings::notEnrolled).requireVersion();
        return new Settings(
                FleetServer.address(file.text("server", ANY)),
                Fingerprint.parse(file.text("fingerprint", ANY)),
                file.text("host", Answer.UUID),
                file.number("rootVersion"),
                file.moment("enrolled"));
    }

    static RebootlessException notEnrolled() {
        return RebootlessException.environment(
                "RBL-AGENT-NOT-ENROLLED",
                AgentFolder.AGENT,
                "this host belongs to no server",
                "rebootless agent enroll URL --fingerprint SHA256:… --token-file FILE");
    }
}
