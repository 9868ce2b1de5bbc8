package dev.rebootless.cve;

import dev.rebootless.cve.AffectedRanges.End;
import dev.rebootless.cve.AffectedRanges.Range;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * What Rebootless takes from a CVE record (JSON, CVE record format 5): the kernel's CNA names the
 * files that a fix changes ({@code programFiles}) and the versions that have it.
 *
 * @param title of the CNA
 * @param rejected the id was withdrawn
 * @param ratings of the CNA and of every ADP
 * @param files relative to the kernel's tree; empty where the record names none
 * @param updated {@code cveMetadata.dateUpdated}, for whoever has two records of one id
 */
record CveRecord(
        CveId id,
        String title,
        boolean rejected,
        List<Rating> ratings,
        SortedSet<String> files,
        AffectedRanges ranges,
        String updated) {
    private static final int MAX_FILES = 2_000;
    private static final int MAX_RANGES = 5_000;
    private static final int MAX_TITLE = 500;
    private static final Pattern MAJOR = Pattern.compile("5\\..*");

    /** A path below the tree, in the characters that the kernel's paths have. */
    private static final Pattern PATH = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.,+@/-]{0,250}");

    CveRecord {
        ratings = List.copyOf(ratings);
        files = java.util.Collections.unmodifiableSortedSet(new TreeSet<>(files));
    }

    /**
     * Reads a record.
     *
     * @throws FeedFault when it is none, or of a format to come
     */
    static CveRecord of(JsonNode tree) throws FeedFault {
        if (!tree.path("dataType").asString("").equals("CVE_RECORD")) {
            throw new FeedFault("no CVE record (its dataType is not CVE_RECORD)");
        }
        String version = tree.path("dataVersion").asString("");
        if (!MAJOR.matcher(version).matches()) {
            throw new FeedFault(
                    "a CVE record of format "
                            + (version.isEmpty() ? "(none)" : FeedFault.shortened(version))
                            + "; known is 5");
        }
        JsonNode meta = tree.path("cveMetadata");
        CveId id =
                CveId.of(meta.path("cveId").asString(""))
                        .orElseThrow(() -> new FeedFault("a CVE record without an id"));
        JsonNode cna = tree.path("containers").path("cna");
        List<Rating> ratings = new ArrayList<>();
        rate(cna, "CNA", ratings);
        for (JsonNode adp : tree.path("containers").path("adp")) {
            rate(adp, "ADP", ratings);
        }
        return new CveRecord(
                id,
                title(cna),
                meta.path("state").asString("").equals("REJECTED"),
                ratings,
                files(cna),
                ranges(cna),
                meta.path("dateUpdated").asString(""));
    }

    private static String title(JsonNode cna) {
        String title = cna.path("title").asString("").strip();
        return title.length() > MAX_TITLE ? title.substring(0, MAX_TITLE) : title;
    }

    private static void rate(JsonNode container, String role, List<Rating> ratings) {
        String by = container.path("providerMetadata").path("shortName").asString("").strip();
        for (JsonNode metric : container.path("metrics")) {
            for (String form : List.of("cvssV4_0", "cvssV3_1", "cvssV3_0")) {
                JsonNode score = metric.path(form).path("baseScore");
                if (score.isNumber()) {
                    Severity.ofScore(score.asDouble())
                            .ifPresent(s ->
                                    ratings.add(
                                            new Rating(
                                                    s,
                                                    (role + " " + by).strip()
                                                            + " "
                                                            + score.asDouble())));
                }
            }
        }
    }

    private static boolean isLinux(JsonNode affected) {
        return affected.path("product").asString("").equalsIgnoreCase("linux")
                || affected.path("product").asString("").equalsIgnoreCase("linux kernel");
    }

    private static SortedSet<String> files(JsonNode cna) {
        NavigableSet<String> files = new TreeSet<>();
        for (JsonNode affected : cna.path("affected")) {
            if (isLinux(affected)) {
                for (JsonNode file : affected.path("programFiles")) {
                    String path = file.asString("");
                    if (isPath(path) && files.size() < MAX_FILES) {
                        files.add(path);
                    }
                }
            }
        }
        return files;
    }

    static boolean isPath(String path) {
        return PATH.matcher(path).matches()
                && !path.contains("//")
                && !List.of(path.split("/")).contains("..");
    }

    private static AffectedRanges ranges(JsonNode cna) {
        List<Range> ranges = new ArrayList<>();
        List<String> faults = new ArrayList<>();
        boolean affectedByDefault = false;
        for (JsonNode affected : cna.path("affected")) {
            if (!isLinux(affected)) {
                continue;
            }
            boolean ofReleases = false;
            for (JsonNode version : affected.path("versions")) {
                if (version.path("versionType").asString("").equals("git")
                        || ranges.size() + faults.size() >= MAX_RANGES) {
                    continue;
                }
                ofReleases = true;
                Optional<Range> range = range(version);
                if (range.isEmpty()) {
                    faults.add("a range that cannot be read: " + shown(version));
                } else if (range.get().isBackwards()) {
                    faults.add("a range that ends before it begins: " + shown(version));
                } else {
                    ranges.add(range.get());
                }
            }
            if (ofReleases) {
                affectedByDefault |= affected.path("defaultStatus").asString("").equals("affected");
            }
        }
        return new AffectedRanges(affectedByDefault, ranges, faults);
    }

    private static String shown(JsonNode version) {
        return FeedFault.shortened(version.toString());
    }

    private static Optional<Range> range(JsonNode version) {
        String status = version.path("status").asString("");
        Optional<UpstreamVersion> from = UpstreamVersion.of(version.path("version").asString(""));
        if (from.isEmpty() || !(status.equals("affected") || status.equals("unaffected"))) {
            return Optional.empty();
        }
        Optional<End> end = Optional.of(new End.Single());
        if (version.has("lessThan")) {
            end =
                    end(version.path("lessThan").asString(""))
                            .map(e ->
                                    e instanceof End.With(UpstreamVersion v)
                                            ? new End.Before(v)
                                            : e);
        } else if (version.has("lessThanOrEqual")) {
            end = end(version.path("lessThanOrEqual").asString(""));
        }
        return end.map(e -> new Range(from.get(), e, status.equals("affected")));
    }

    private static Optional<End> end(String text) {
        return text.endsWith("*")
                ? Optional.of(new End.Line(text))
                : UpstreamVersion.of(text).map(End.With::new);
    }
}
