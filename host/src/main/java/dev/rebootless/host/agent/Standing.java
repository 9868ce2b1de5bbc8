package dev.rebootless.host.agent;

import dev.rebootless.base.RebootlessException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What the network side remembers from call to call ({@code standing.json}).
 *
 * @param ring that the server gave last
 * @param intervalSeconds between reports, as the server wants it
 * @param facts SHA-256 of the last report with facts that was acknowledged
 * @param reported when that, or an unchanged one, was
 * @param bootId of the boot that {@code bootTime} is of
 * @param bootTime as it was first read in that boot
 */
record Standing(
        Optional<String> ring,
        long intervalSeconds,
        Optional<String> facts,
        Optional<Instant> reported,
        Optional<String> bootId,
        Optional<Instant> bootTime) {
    static final String FILE = "standing.json";

    static final Pattern RING = Pattern.compile("[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?");
    private static final Pattern BOOT = Pattern.compile("[0-9a-f-]{1,64}");

    static final Standing NEW =
            new Standing(
                    Optional.empty(),
                    0,
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty());

    /**
     * What is remembered; where that is damaged, nothing is, and the next report is a whole one.
     */
    static Standing in(AgentFolder folder) {
        try {
            return read(folder);
        } catch (RebootlessException e) {
            return NEW;
        }
    }

    private static Standing read(AgentFolder folder) {
        return folder.document(FILE)
                .map(file ->
                        new Standing(
                                file.optional("ring", RING),
                                file.number("intervalSeconds"),
                                file.optional("facts", Answer.SHA256),
                                moment(file, "reported"),
                                file.optional("bootId", BOOT),
                                moment(file, "bootTime")))
                .orElse(NEW);
    }

    private static Optional<Instant> moment(Answer file, String name) {
        return file.has(name) ? Optional.of(file.moment(name)) : Optional.empty();
    }

    void keep(AgentFolder folder) {
        folder.write(
                FILE,
                AgentJson.document()
                        .put("ring", ring.orElse(null))
                        .put("intervalSeconds", intervalSeconds)
                        .put("facts", facts.orElse(null))
                        .put("reported", reported.map(Instant::toString).orElse(null))
                        .put("bootId", bootId.orElse(null))
                        .put("bootTime", bootTime.map(Instant::toString).orElse(null)));
    }

    /** With the time of a boot, which stays as it was first read in it. */
    Standing inBoot(Optional<String> id, Optional<Instant> now) {
        return id.isPresent() && bootId.equals(id)
                ? this
                : new Standing(ring, intervalSeconds, facts, reported, id, now);
    }

    /** After a report was acknowledged. */
    Standing acknowledged(String givenRing, long interval, String hash, Instant now) {
        return new Standing(
                Optional.of(givenRing),
                interval,
                Optional.of(hash),
                Optional.of(now.truncatedTo(ChronoUnit.SECONDS)),
                bootId,
                bootTime);
    }
}
