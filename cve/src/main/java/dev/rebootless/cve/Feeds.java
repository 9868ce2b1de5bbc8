package dev.rebootless.cve;

import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Feeds from where they are: a file, a folder of CVE records (the kernel's {@code vulns}
 * repository, {@code cvelistV5}, or a part of them), or an address, kept in the cache for when it
 * cannot be reached.
 */
public final class Feeds {
    /** One CVE record; the longest of the kernel's has under 200 kB. */
    private static final long MAX_RECORD_BYTES = 16L << 20;

    private static final int MAX_FILES = 2_000_000;

    /** In a folder of all CVE records, most are not of the kernel. */
    private static final byte[] MARK = "\"Linux".getBytes(StandardCharsets.UTF_8);

    private static final byte[] MARK_LOWER = "\"linux".getBytes(StandardCharsets.UTF_8);

    /** Of faults of one kind, as many files are named. */
    private static final int NAMED = 3;

    private Feeds() {}

    /**
     * Reads them all.
     *
     * @param places paths and addresses
     * @param cache for what comes from addresses
     * @throws RebootlessException exit status 2 {@code RBL-FEED-PLACE} for a place that is none;
     *     exit status 5 {@code RBL-FEED} for a feed that cannot be read, {@code RBL-FEED-FETCH} for
     *     one that can neither be fetched nor is in the cache
     */
    public static FeedFacts read(List<String> places, Path cache, Progress progress) {
        FeedFacts.Builder facts = new FeedFacts.Builder();
        for (String place : places) {
            if (FeedDownload.isAddress(place)) {
                Path file = new FeedDownload(cache, progress).fetch(place, facts::warn);
                file(file, place, facts);
            } else {
                local(place, facts, progress);
            }
        }
        return facts.build();
    }

    private static void local(String place, FeedFacts.Builder facts, Progress progress) {
        Path path;
        try {
            path = Path.of(place);
        } catch (java.nio.file.InvalidPathException e) {
            throw noSuch(place);
        }
        if (Files.isDirectory(path)) {
            progress.step("reading the CVE records in " + place);
            folder(path, place, facts);
        } else if (Files.isRegularFile(path)) {
            file(path, place, facts);
        } else {
            throw noSuch(place);
        }
    }

    private static RebootlessException noSuch(String place) {
        return RebootlessException.usage(
                "RBL-FEED-PLACE",
                place,
                "there is no such file or folder",
                "give a JSON file, a folder of CVE records, or an https address");
    }

    private static void file(Path file, String place, FeedFacts.Builder facts) {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            FeedReader.Found found = FeedReader.read(in, facts);
            String date =
                    found.date().isEmpty()
                            ? Files.getLastModifiedTime(file).toInstant().toString()
                            : found.date();
            facts.add(new FeedFacts.Origin(place, found.kind(), date));
        } catch (FeedFault | IOException e) {
            throw RebootlessException.environment(
                    "RBL-FEED",
                    place,
                    "is " + why(e),
                    "fetch it again; known are CVE records of format 5, Debian's security tracker, CISA's list of known"
                            + " exploited vulnerabilities, NVD's API 2.0, and a table of facts (docs/contract-cves.md)");
        }
    }

    private static String why(Exception e) {
        return e instanceof FeedFault ? String.valueOf(e.getMessage()) : "not readable: " + e;
    }

    /**
     * A record that cannot be read is left out, and said so: its neighbours are worth something.
     */
    private static void folder(Path folder, String place, FeedFacts.Builder facts) {
        TreeMap<String, List<String>> faults = new TreeMap<>();
        int read = 0;
        String newest = "";
        try (Stream<Path> walk = Files.walk(folder)) {
            List<Path> files =
                    walk.filter(f -> f.toString().endsWith(".json"))
                            .filter(f -> Files.isRegularFile(f, LinkOption.NOFOLLOW_LINKS))
                            .limit(MAX_FILES)
                            .sorted()
                            .toList();
            for (Path file : files) {
                String fault = record(file, place, facts);
                if (fault.equals(READ)) {
                    read++;
                    String date = Files.getLastModifiedTime(file).toInstant().toString();
                    newest = date.compareTo(newest) > 0 ? date : newest;
                } else if (!fault.equals(OTHERS)) {
                    faults.computeIfAbsent(fault, k -> new ArrayList<>())
                            .add(folder.relativize(file).toString());
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        faults.forEach((fault, files) ->
                facts.warn(
                        place
                                + ": "
                                + files.size()
                                + " file(s) left out, being "
                                + fault
                                + ": "
                                + String.join(", ", files.subList(0, Math.min(NAMED, files.size())))
                                + (files.size() > NAMED ? ", …" : "")));
        if (read == 0) {
            throw RebootlessException.environment(
                    "RBL-FEED",
                    place,
                    "is a folder without any CVE record of the kernel"
                            + (faults.isEmpty() ? "" : "; " + faults.firstKey()),
                    "give the folder that holds the CVE-….json files");
        }
        facts.add(new FeedFacts.Origin(place, FeedFacts.Kind.CVE_RECORDS, newest));
    }

    private static final String READ = "";
    private static final String OTHERS = "of other software";

    /** What stands in the way of a file of a folder. */
    private static String record(Path file, String place, FeedFacts.Builder facts)
            throws IOException {
        if (Files.size(file) > MAX_RECORD_BYTES) {
            return "larger than a CVE record";
        }
        byte[] content = Files.readAllBytes(file);
        if (!contains(content, MARK) && !contains(content, MARK_LOWER)) {
            return OTHERS;
        }
        try {
            FeedReader.Found found = FeedReader.read(new ByteArrayInputStream(content), facts);
            if (found.kind() != FeedFacts.Kind.CVE_RECORDS) {
                // Another feed that lies there counts as what it is.
                facts.add(
                        new FeedFacts.Origin(
                                place + "/" + file.getFileName(), found.kind(), found.date()));
            }
            return READ;
        } catch (FeedFault | IOException e) {
            return why(e);
        }
    }

    private static boolean contains(byte[] content, byte[] mark) {
        for (int i = 0; i + mark.length <= content.length; i++) {
            int j = 0;
            while (j < mark.length && content[i + j] == mark[j]) {
                j++;
            }
            if (j == mark.length) {
                return true;
            }
        }
        return false;
    }
}
