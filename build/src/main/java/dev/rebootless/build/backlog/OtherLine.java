package dev.rebootless.build.backlog;

import dev.rebootless.cve.Changelog;
import dev.rebootless.cve.CveId;
import dev.rebootless.cve.KnownCve;
import dev.rebootless.kernel.DebianVersion;
import dev.rebootless.source.history.SourceDifference;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Another line of kernels that got the same fixes, in uploads of its own: what came with a fix in
 * one line and not in the other is of something else.
 */
public final class OtherLine {
    private final String line;
    private final History history;
    private final Map<CveId, DebianVersion> fixedIn = new HashMap<>();

    /** The same by titles, since a fix may have got its number after an upload. */
    private final Map<String, DebianVersion> titledIn = new HashMap<>();

    /**
     * @param line such as {@code 6.12}
     * @param changelog of its newest package
     * @param steps the differences of its packaged sources, ascending; at least one
     */
    public OtherLine(String line, Changelog changelog, List<SourceDifference> steps) {
        this.line = line;
        this.history = new History(steps);
        for (Changelog.Upload upload : changelog.uploads()) {
            for (Changelog.Entry entry : upload.entries()) {
                titledIn.merge(entry.title(), upload.version(), OtherLine::earlier);
                entry.cves().forEach(id -> fixedIn.merge(id, upload.version(), OtherLine::earlier));
            }
        }
    }

    private static DebianVersion earlier(DebianVersion one, DebianVersion two) {
        return one.compareTo(two) <= 0 ? one : two;
    }

    /**
     * What a file's difference has in the step that brought a fix.
     *
     * @param lines as {@link FileChange#lines} gives them
     */
    record Told(String line, String older, String newer, Set<String> lines) {}

    /** Empty where no step, or more than the served ones, may have brought the fix. */
    Optional<Told> of(KnownCve cve, String path) {
        DebianVersion wanted = fixedIn.getOrDefault(cve.id(), titledIn.get(cve.title()));
        if (wanted == null) {
            return Optional.empty();
        }
        DebianVersion first =
                Changelog.plain(new DebianVersion(history.steps().getFirst().older()));
        OptionalInt step = history.stepOf(wanted);
        if (step.isEmpty()
                || Changelog.plain(wanted).compareTo(first) <= 0
                || !history.changes(step.getAsInt(), path)) {
            return Optional.empty();
        }
        FileChange change = history.change(step.getAsInt(), path);
        Set<String> lines = new HashSet<>();
        for (int i = 0; i < change.size(); i++) {
            lines.addAll(change.lines(i));
        }
        SourceDifference difference = history.steps().get(step.getAsInt());
        return Optional.of(new Told(line, difference.older(), difference.newer(), lines));
    }
}
