package dev.rebootless.cve;

import dev.rebootless.cve.FeedFacts.Kind;
import dev.rebootless.kernel.DebianVersion;
import java.io.IOException;
import java.io.InputStream;
import java.io.PushbackInputStream;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads one JSON feed, whichever it is: a feed's own members tell. Entry by entry, so that a list
 * of hundreds of megabytes takes no more memory than what is kept of it. Feeds come from the
 * network: depth, lengths and numbers of entries are bounded.
 */
final class FeedReader {
    /** Debian's tracker has 70 MB, all CVE records of a year in one array about 500 MB. */
    static final long MAX_BYTES = 2L << 30;

    private static final int MAX_ENTRIES = 2_000_000;
    private static final int MAX_DEPTH = 200;
    private static final int MAX_STRING = 4 << 20;

    /** Source packages of kernels, in Debian's tracker. */
    private static final Pattern KERNEL_PACKAGE = Pattern.compile("linux(?:-\\d+(?:\\.\\d+)*)?");

    private static final JsonMapper MAPPER =
            JsonMapper.builder(
                            JsonFactory.builder()
                                    .streamReadConstraints(
                                            StreamReadConstraints.builder()
                                                    .maxNestingDepth(MAX_DEPTH)
                                                    .maxStringLength(MAX_STRING)
                                                    .maxNumberLength(200)
                                                    .maxDocumentLength(MAX_BYTES)
                                                    .build())
                                    .build())
                    // Entries are read one by one; that the document ends is looked at apart.
                    .disable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build();

    private final FeedFacts.Builder facts;
    private final ObjectNode record = MAPPER.createObjectNode();
    private Optional<Kind> kind = Optional.empty();
    private String date = "";
    private String schemaVersion = "";
    private int entries;

    private FeedReader(FeedFacts.Builder facts) {
        this.facts = facts;
    }

    /** What was found: which kind of feed, and the date that it bears, or nothing. */
    record Found(Kind kind, String date) {}

    /**
     * Reads a feed.
     *
     * @param in the JSON, or the same compressed with gzip; not closed
     * @param facts where it goes
     * @throws FeedFault when it is no feed of a known kind, or not whole
     */
    static Found read(InputStream in, FeedFacts.Builder facts) throws IOException, FeedFault {
        FeedReader reader = new FeedReader(facts);
        try (JsonParser parser = MAPPER.createParser(plain(in))) {
            reader.document(parser);
            // Something behind the document, such as a second one, is not read over.
            if (parser.nextToken() != null) {
                throw new FeedFault("more than one JSON document");
            }
        } catch (JacksonException e) {
            throw new FeedFault(
                    "no JSON, or not all of it: "
                            + FeedFault.shortened(
                                    String.valueOf(e.getOriginalMessage())
                                            .lines()
                                            .findFirst()
                                            .orElse("")));
        }
        return new Found(
                reader.kind.orElseThrow(() -> new FeedFault("JSON, but no feed of a known kind")),
                reader.date);
    }

    private static InputStream plain(InputStream in) throws IOException {
        PushbackInputStream pushback = new PushbackInputStream(in, 2);
        byte[] start = pushback.readNBytes(2);
        pushback.unread(start);
        // RFC 1952, 2.3.1.
        boolean gzip = start.length == 2 && start[0] == 0x1f && start[1] == (byte) 0x8b;
        return gzip ? new GZIPInputStream(pushback) : pushback;
    }

    private void document(JsonParser parser) throws FeedFault {
        JsonToken first = parser.nextToken();
        if (first == JsonToken.START_ARRAY) {
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                addRecord(element(parser));
            }
        } else if (first == JsonToken.START_OBJECT) {
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                parser.nextToken();
                member(name, parser);
            }
            if (record.has("dataType")) {
                addRecord(record);
            }
            if (kind.equals(Optional.of(Kind.OWN_FACTS)) && !schemaVersion.equals("1")) {
                throw new FeedFault(
                        "a table of facts of schemaVersion "
                                + (schemaVersion.isEmpty() ? "(none)" : schemaVersion)
                                + "; known is 1");
            }
        } else {
            throw new FeedFault("no JSON object or array");
        }
    }

    private void member(String name, JsonParser parser) throws FeedFault {
        JsonToken value = parser.currentToken();
        boolean tracker = KERNEL_PACKAGE.matcher(name).matches() && value == JsonToken.START_OBJECT;
        if (tracker) {
            is(Kind.DEBIAN_TRACKER);
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String id = parser.currentName();
                parser.nextToken();
                JsonNode entry = element(parser);
                // What has no id yet stands there as TEMP-…: nothing to do with it.
                CveId.of(id).ifPresent(cve -> track(cve, name, entry));
            }
            return;
        }
        switch (name) {
            case "dataType", "dataVersion", "cveMetadata", "containers" ->
                    record.set(name, MAPPER.readTree(parser));
            case "vulnerabilities" -> list(value, parser, this::vulnerability);
            case "facts" -> {
                is(Kind.OWN_FACTS);
                list(value, parser, this::fact);
            }
            case "dateReleased", "timestamp", "schemaVersion" -> {
                if (!value.isScalarValue()) {
                    parser.skipChildren();
                } else if (name.equals("schemaVersion")) {
                    schemaVersion = FeedFault.shortened(parser.getValueAsString(""));
                } else {
                    date = FeedFault.shortened(parser.getValueAsString(""));
                }
            }
            // So that a list without entries is of a kind as well.
            case "catalogVersion" -> {
                is(Kind.KNOWN_EXPLOITED);
                parser.skipChildren();
            }
            case "format" -> {
                if (value.isScalarValue() && parser.getValueAsString("").equals("NVD_CVE")) {
                    is(Kind.NVD);
                }
                parser.skipChildren();
            }
            default -> parser.skipChildren();
        }
    }

    /** What takes an entry of a list. */
    private interface Taker {
        void take(JsonNode entry) throws FeedFault;
    }

    private void list(JsonToken value, JsonParser parser, Taker taker) throws FeedFault {
        if (value != JsonToken.START_ARRAY) {
            throw new FeedFault("a list that is none");
        }
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            taker.take(element(parser));
        }
    }

    private JsonNode element(JsonParser parser) throws FeedFault {
        if (++entries > MAX_ENTRIES) {
            throw new FeedFault("more than " + MAX_ENTRIES + " entries");
        }
        return MAPPER.readTree(parser);
    }

    private void is(Kind found) throws FeedFault {
        if (kind.isPresent() && kind.get() != found) {
            throw new FeedFault("two kinds of feeds in one document");
        }
        kind = Optional.of(found);
    }

    private void addRecord(JsonNode tree) throws FeedFault {
        facts.add(CveRecord.of(tree));
        is(Kind.CVE_RECORDS);
    }

    /** An entry of CISA's list ({@code cveID}) or of NVD's answer ({@code cve}). */
    private void vulnerability(JsonNode entry) throws FeedFault {
        if (entry.has("cveID")) {
            is(Kind.KNOWN_EXPLOITED);
            CveId.of(entry.path("cveID").asString("")).ifPresent(facts::addExploited);
        } else if (entry.has("cve")) {
            is(Kind.NVD);
            JsonNode cve = entry.path("cve");
            Optional<CveId> id = CveId.of(cve.path("id").asString(""));
            for (String form : new String[] {"cvssMetricV40", "cvssMetricV31", "cvssMetricV30"}) {
                for (JsonNode metric : cve.path("metrics").path(form)) {
                    JsonNode score = metric.path("cvssData").path("baseScore");
                    if (id.isPresent() && score.isNumber()) {
                        Severity.ofScore(score.asDouble())
                                .ifPresent(s ->
                                        facts.add(
                                                id.get(),
                                                new Rating(s, "NVD " + score.asDouble())));
                    }
                }
            }
        } else {
            throw new FeedFault("a list of vulnerabilities of an unknown form");
        }
    }

    private void track(CveId id, String sourcePackage, JsonNode entry) {
        for (Map.Entry<String, JsonNode> release : entry.path("releases").properties()) {
            String status = release.getValue().path("status").asString("");
            String fixed = release.getValue().path("fixed_version").asString("");
            facts.add(
                    id,
                    new FeedFacts.Tracked(
                            sourcePackage,
                            release.getKey(),
                            // "0": never affected.
                            fixed.equals("0") ? Optional.empty() : version(fixed),
                            status.equals("open")
                                    ? FeedFacts.Tracking.OPEN
                                    : fixed.equals("0")
                                            ? FeedFacts.Tracking.NEVER_AFFECTED
                                            : status.equals("resolved")
                                                            && version(fixed).isPresent()
                                                    ? FeedFacts.Tracking.FIXED
                                                    : FeedFacts.Tracking.UNKNOWN));
        }
    }

    private void fact(JsonNode entry) throws FeedFault {
        is(Kind.OWN_FACTS);
        Optional<CveId> id = CveId.of(entry.path("id").asString(""));
        Optional<DebianVersion> fixed = version(entry.path("fixedIn").asString(""));
        NavigableSet<String> files = new TreeSet<>();
        for (JsonNode file : entry.path("files")) {
            if (!CveRecord.isPath(file.asString(""))) {
                throw new FeedFault("a fact with the path " + FeedFault.shortened(file.toString()));
            }
            files.add(file.asString(""));
        }
        if (id.isEmpty() || fixed.isEmpty() || files.isEmpty()) {
            throw new FeedFault(
                    "a fact without id, files or fixedIn: "
                            + FeedFault.shortened(entry.toString()));
        }
        facts.add(id.get(), new FeedFacts.OwnFact(files, fixed.get()));
    }

    private static Optional<DebianVersion> version(String text) {
        boolean plain = !text.isEmpty() && text.length() <= DebianVersion.MAX_LENGTH;
        return plain && text.matches("[A-Za-z0-9.+~:-]+")
                ? Optional.of(new DebianVersion(text))
                : Optional.empty();
    }
}
