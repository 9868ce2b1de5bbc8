package dev.rebootless.fleet.agent;

import dev.rebootless.base.Problem;
import dev.rebootless.fleet.web.HttpFault;
import java.time.Instant;
import java.util.UUID;

/** What agents are told when they do not get what they ask for. */
final class AgentFaults {
    private AgentFaults() {}

    static HttpFault key(String why) {
        return new HttpFault(
                HttpFault.Status.NOT_AUTHENTIC,
                new Problem("RBL-FLEET-KEY", "", why, "get a new key with POST /agent/v1/key"));
    }

    static HttpFault signature(String place) {
        return new HttpFault(
                HttpFault.Status.NOT_AUTHENTIC,
                new Problem(
                        "RBL-FLEET-SIGNATURE",
                        place,
                        "the signature is not that of this message",
                        "sign it as docs/contract-fleet.md says, with the host's own key"));
    }

    static HttpFault unknownHost(UUID host) {
        return new HttpFault(
                HttpFault.Status.NOT_AUTHENTIC,
                new Problem(
                        "RBL-FLEET-HOST",
                        host.toString(),
                        "no such host is enrolled here, or not any more",
                        "enrol it with a new token: rebootless agent enroll"));
    }

    static HttpFault replay(UUID host, long last) {
        return new HttpFault(
                HttpFault.Status.CONTRADICTION,
                new Problem(
                        "RBL-FLEET-REPLAY",
                        host.toString(),
                        "a message with this sequence or a higher one came before; the last was "
                                + last,
                        "if this machine was copied, enrol the copy anew; otherwise go on from there"));
    }

    static HttpFault clock(Instant now) {
        return new HttpFault(
                HttpFault.Status.NOT_AUTHENTIC,
                new Problem(
                        "RBL-FLEET-CLOCK",
                        "",
                        "the time of the message is more than five minutes off; here it is " + now,
                        "set the clock of the host, such as with systemd-timesyncd"));
    }

    static HttpFault token() {
        return new HttpFault(
                HttpFault.Status.NOT_ALLOWED,
                new Problem(
                        "RBL-FLEET-TOKEN",
                        "",
                        "the enrolment token is unknown, has expired, or was used",
                        "make a new one: POST /api/v1/enrolment-tokens, or rebootless serve token"));
    }

    static HttpFault keyKnown() {
        return new HttpFault(
                HttpFault.Status.CONTRADICTION,
                new Problem(
                        "RBL-FLEET-ENROLLED",
                        "",
                        "this key was enrolled before, with another token",
                        "remove identity.pem and agent.json of the host, so that it makes a new key"));
    }
}
