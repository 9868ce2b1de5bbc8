package dev.rebootless.cve;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A small feed of each kind, in the form in which its makers publish it. */
final class SmallFeeds {
    static final String RECORD =
            """
            {
              "containers": {
                "cna": {
                  "providerMetadata": {"orgId": "f4215fc3", "shortName": "Linux"},
                  "title": "erofs: skip large buffers",
                  "descriptions": [{"lang": "en", "value": "In the Linux kernel, ..."}],
                  "affected": [
                    {
                      "product": "Linux", "vendor": "Linux", "defaultStatus": "unaffected",
                      "programFiles": ["fs/erofs/zutil.c", "fs/erofs/internal.h"],
                      "versions": [
                        {"version": "aaaa", "lessThan": "bbbb", "status": "affected", "versionType": "git"}
                      ]
                    },
                    {
                      "product": "Linux", "vendor": "Linux", "defaultStatus": "affected",
                      "programFiles": ["fs/erofs/zutil.c"],
                      "versions": [
                        {"version": "5.2", "status": "affected"},
                        {"version": "0", "lessThan": "5.2", "status": "unaffected", "versionType": "semver"},
                        {"version": "6.1.130", "lessThanOrEqual": "6.1.*", "status": "unaffected",
                         "versionType": "semver"},
                        {"version": "6.14", "lessThanOrEqual": "*", "status": "unaffected",
                         "versionType": "original_commit_for_fix"}
                      ]
                    }
                  ]
                },
                "adp": [
                  {
                    "providerMetadata": {"shortName": "CISA-ADP"},
                    "metrics": [{"cvssV3_1": {"baseScore": 5.5, "baseSeverity": "MEDIUM"}}]
                  }
                ]
              },
              "cveMetadata": {
                "cveId": "CVE-2026-10001", "state": "PUBLISHED", "dateUpdated": "2026-10-01T00:00:00.000Z"
              },
              "dataType": "CVE_RECORD",
              "dataVersion": "5.2"
            }\
            """;

    static final String TRACKER =
            """
            {
              "bash": {"CVE-2014-6271": {"releases": {"bookworm": {"status": "resolved"}}}},
              "linux": {
                "CVE-2026-10001": {
                  "description": "In the Linux kernel, ...", "scope": "local",
                  "releases": {
                    "bookworm": {
                      "status": "resolved", "repositories": {"bookworm": "6.1.170-3"},
                      "fixed_version": "6.1.176-1", "urgency": "not yet assigned"
                    },
                    "trixie": {"status": "open", "repositories": {"trixie": "6.12.107-1"}},
                    "sid": {"status": "resolved", "fixed_version": "0"}
                  }
                },
                "TEMP-0000000-A1B2C3": {"releases": {"bookworm": {"status": "open"}}}
              },
              "linux-6.12": {
                "CVE-2026-10002": {
                  "releases": {"bookworm": {"status": "resolved", "fixed_version": "6.12.107-1~deb12u1"}}
                }
              }
            }\
            """;

    static final String EXPLOITED =
            """
            {
              "title": "CISA Catalog of Known Exploited Vulnerabilities",
              "catalogVersion": "2026.11.20",
              "dateReleased": "2026-11-20T15:00:02.0304Z",
              "count": 2,
              "vulnerabilities": [
                {"cveID": "CVE-2026-10001", "vendorProject": "Linux", "product": "Kernel"},
                {"cveID": "CVE-2021-44228", "vendorProject": "Apache", "product": "Log4j2"}
              ]
            }\
            """;

    static final String NVD =
            """
            {
              "resultsPerPage": 1, "startIndex": 0, "totalResults": 1,
              "format": "NVD_CVE", "version": "2.0", "timestamp": "2026-11-21T08:00:00.000",
              "vulnerabilities": [
                {
                  "cve": {
                    "id": "CVE-2026-10001",
                    "metrics": {
                      "cvssMetricV31": [
                        {"source": "nvd@nist.gov", "type": "Primary", "cvssData": {"baseScore": 7.8}}
                      ],
                      "cvssMetricV2": [{"cvssData": {"baseScore": 10.0}}]
                    }
                  }
                }
              ]
            }\
            """;

    static final String OWN_FACTS =
            """
            {
              "schemaVersion": 1,
              "about": "read by hand",
              "facts": [
                {"id": "CVE-2026-10001", "files": ["fs/erofs/zutil.c"], "fixedIn": "6.1.176-1"},
                {"id": "CVE-2026-10002", "files": ["mm/rmap.c", "mm/mmap.c"], "fixedIn": "6.12.107-1"}
              ]
            }\
            """;

    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    private SmallFeeds() {}

    /** One of each kind, and records in their two forms. */
    static Map<FeedFacts.Kind, String> ofEachKind() {
        Map<FeedFacts.Kind, String> feeds = new LinkedHashMap<>();
        feeds.put(FeedFacts.Kind.CVE_RECORDS, RECORD);
        feeds.put(FeedFacts.Kind.DEBIAN_TRACKER, TRACKER);
        feeds.put(FeedFacts.Kind.KNOWN_EXPLOITED, EXPLOITED);
        feeds.put(FeedFacts.Kind.NVD, NVD);
        feeds.put(FeedFacts.Kind.OWN_FACTS, OWN_FACTS);
        return feeds;
    }

    /** The record under another id. */
    static String record(String id) {
        return RECORD.replace("CVE-2026-10001", id);
    }

    static JsonNode json(String text) {
        return MAPPER.readTree(text);
    }

    /** What {@link FeedReader} takes from feeds, one after the other. */
    static FeedFacts read(String... feeds) throws FeedFault {
        FeedFacts.Builder facts = new FeedFacts.Builder();
        for (String feed : feeds) {
            FeedReader.Found found = found(feed.getBytes(StandardCharsets.UTF_8), facts);
            facts.add(new FeedFacts.Origin("", found.kind(), found.date()));
        }
        return facts.build();
    }

    static FeedReader.Found found(byte[] feed, FeedFacts.Builder facts) throws FeedFault {
        try {
            return FeedReader.read(new ByteArrayInputStream(feed), facts);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static byte[] gzip(String text) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
            gzip.write(text.getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }
}
