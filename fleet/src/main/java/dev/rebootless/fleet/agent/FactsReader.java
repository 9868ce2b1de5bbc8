package dev.rebootless.fleet.agent;

import dev.rebootless.cve.CveId;
import dev.rebootless.fleet.store.CveStates;
import dev.rebootless.fleet.store.Report;
import dev.rebootless.fleet.store.SystemFacts;
import dev.rebootless.fleet.web.Fields;
import dev.rebootless.fleet.web.HttpFault;
import dev.rebootless.fleet.web.Json;
import dev.rebootless.fleet.web.Texts;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Semaphore;
import java.util.zip.Deflater;

/**
 * Reads what a host says of itself. A host may lie, about itself: what is kept of it is bounded and
 * stands in its own row. Of what a person or the counters look at, each text is cut to what it may
 * be; the rest is kept as it came.
 */
public final class FactsReader {
    private static final int HOSTNAME = 253;
    private static final int NAME = 128;
    private static final int MOST_LIVEPATCHES = 64;

    /** A livepatch of a whole backlog names some hundreds. */
    private static final int MOST_CVES = 4096;

    /** A body of half a megabyte may become ten times as much while it is read. */
    private final Semaphore atOnce =
            new Semaphore(Math.max(2, 2 * Runtime.getRuntime().availableProcessors()));

    /**
     * The content of a report.
     *
     * @param sha256 of its body
     * @throws HttpFault 400
     */
    public Report.Content read(byte[] body, byte[] sha256, String place) {
        atOnce.acquireUninterruptibly();
        try {
            Fields report = Json.read(body, place);
            Optional<Fields> facts = report.optionalObject("facts");
            if (facts.isPresent() == report.has("unchanged")) {
                throw HttpFault.notUnderstood(
                        place, "a report has either the field facts or the field unchanged");
            }
            return facts.<Report.Content>map(f ->
                            new Report.Whole(
                                    sha256,
                                    deflate(body),
                                    text(f, "hostname", HOSTNAME).orElse(""),
                                    text(f, "bootId", NAME),
                                    facts(f)))
                    .orElseGet(() -> new Report.Unchanged(report.hex("unchanged", 32)));
        } finally {
            atOnce.release();
        }
    }

    private static SystemFacts facts(Fields facts) {
        TreeSet<String> inForce = new TreeSet<>();
        TreeSet<String> inTransition = new TreeSet<>();
        TreeSet<String> foreign = new TreeSet<>();
        List<Fields> livepatches = facts.objects("livepatches");
        if (livepatches.size() > MOST_LIVEPATCHES) {
            throw HttpFault.notUnderstood(
                    facts.place(), "there are more than " + MOST_LIVEPATCHES + " livepatches");
        }
        for (Fields livepatch : livepatches) {
            String name = text(livepatch, "name", NAME).orElse("");
            if (!text(livepatch, "origin", NAME).orElse("").equals("rebootless")) {
                foreign.add(name);
            } else if (livepatch.optionalFlag("transition").orElse(false)) {
                inTransition.add(name);
            } else if (livepatch.optionalFlag("enabled").orElse(false)) {
                inForce.add(name);
            }
        }
        return new SystemFacts(
                text(facts, "os", NAME),
                text(facts, "agent", NAME),
                text(facts, "release", NAME),
                text(facts, "buildId", NAME),
                text(facts, "packageVersion", NAME),
                facts.optionalObject("nextBoot").flatMap(next -> text(next, "release", NAME)),
                facts.optionalFlag("secureBoot"),
                text(facts, "lockdown", NAME),
                facts.optionalFlag("rebootRequired"),
                new ArrayList<>(inForce),
                new ArrayList<>(inTransition),
                new ArrayList<>(foreign),
                cves(facts));
    }

    private static CveStates cves(Fields facts) {
        List<Fields> given = facts.objects("cves");
        if (given.size() > MOST_CVES) {
            throw HttpFault.notUnderstood(
                    facts.place(), "there are more than " + MOST_CVES + " CVEs");
        }
        SortedMap<String, CveStates.State> states = new TreeMap<>();
        for (Fields cve : given) {
            String id = cve.text("id", NAME);
            if (CveId.of(id).isEmpty()) {
                throw HttpFault.notUnderstood(cve.place(), "the field id is no CVE id");
            }
            states.put(id, CveStates.State.of(cve.text("state", NAME)));
        }
        return new CveStates(states);
    }

    private static Optional<String> text(Fields fields, String name, int longest) {
        return fields.optionalText(name, Integer.MAX_VALUE).map(text -> Texts.kept(text, longest));
    }

    /** The zlib format (RFC 1950), as fast as it goes. */
    private static byte[] deflate(byte[] body) {
        try (Deflater deflater = new Deflater(Deflater.BEST_SPEED)) {
            deflater.setInput(body);
            deflater.finish();
            ByteArrayOutputStream out = new ByteArrayOutputStream(body.length / 3 + 64);
            byte[] buffer = new byte[8 << 10];
            while (!deflater.finished()) {
                out.write(buffer, 0, deflater.deflate(buffer));
            }
            return out.toByteArray();
        }
    }
}
