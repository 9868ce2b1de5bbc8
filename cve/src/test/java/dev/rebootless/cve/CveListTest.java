package dev.rebootless.cve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.kernel.DebianVersion;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What changelog and feeds say together, and where they disagree. */
class CveListTest {
    private static final String CHANGELOG =
            """
            linux (6.1.187-1) bookworm-security; urgency=high

              * New upstream stable update:
                - net: later (CVE-2026-18701)
                - net: both, completed (CVE-2026-17602)
                - [arm64] arm: elsewhere (CVE-2026-18702)

             -- A Maintainer <a@example.org>  Fri, 13 Nov 2026 21:01:12 +0100

            linux (6.1.176-1) bookworm-security; urgency=high

              * New upstream stable update:
                - net: one (CVE-2026-17601)
                - net: both (CVE-2026-17602)

             -- A Maintainer <a@example.org>  Fri, 02 Oct 2026 21:01:12 +0100

            linux (6.1.170-3) bookworm-security; urgency=high

              * New upstream stable update:
                - net: before (CVE-2026-17001)

             -- A Maintainer <a@example.org>  Fri, 04 Sep 2026 21:01:12 +0100
            """;

    private static final DebianVersion RUNNING = new DebianVersion("6.1.170-3");
    private static final DebianVersion TARGET = new DebianVersion("6.1.187-1");
    private static final Optional<String> BOOKWORM = Optional.of("bookworm");

    private static CveList list(String... feeds) throws FeedFault {
        return of(CHANGELOG, RUNNING, TARGET, BOOKWORM, feeds);
    }

    private static CveList of(
            String changelog,
            DebianVersion running,
            DebianVersion to,
            Optional<String> suite,
            String... feeds)
            throws FeedFault {
        return CveList.of(
                Changelog.parse(changelog, "changelog"),
                SmallFeeds.read(feeds),
                running,
                to,
                suite);
    }

    private static KnownCve cve(CveList list, String id) {
        return list.find(new CveId(id)).orElseThrow();
    }

    private static List<String> ids(CveList list) {
        return list.cves().stream().map(c -> c.id().text()).toList();
    }

    /** A record whose affected versions begin with 5.2 and end before some others. */
    private static String record(String id, String... fixed) {
        StringBuilder versions =
                new StringBuilder(
                        """
                        {"version": "5.2", "status": "affected"},
                        {"version": "0", "lessThan": "5.2", "status": "unaffected"}
                        """);
        for (String version : fixed) {
            String line = version.substring(0, version.lastIndexOf('.'));
            versions.append(
                    """
                    , {"version": "%s", "lessThanOrEqual": "%s.*", "status": "unaffected"}
                    """
                            .formatted(version, line));
        }
        return withVersions(id, versions.toString());
    }

    private static String withVersions(String id, String versions) {
        return """
        {
          "dataType": "CVE_RECORD", "dataVersion": "5.2",
          "cveMetadata": {"cveId": "%s", "state": "PUBLISHED"},
          "containers": {"cna": {
            "title": "title of the record",
            "affected": [{"product": "Linux", "defaultStatus": "affected", "versions": [%s]}]
          }}
        }
        """
                .formatted(id, versions);
    }

    /** A line of the tracker for each release, such as {@code bookworm resolved 6.1.176-1}. */
    private static String tracker(String sourcePackage, String id, String... releases) {
        List<String> lines =
                Arrays.stream(releases)
                        .map(r -> r.split(" "))
                        .map(r ->
                                r.length == 2
                                        ? "\"%s\": {\"status\": \"%s\"}".formatted(r[0], r[1])
                                        : "\"%s\": {\"status\": \"%s\", \"fixed_version\": \"%s\"}"
                                                .formatted(r[0], r[1], r[2]))
                        .toList();
        return "{\"%s\": {\"%s\": {\"releases\": {%s}}}}"
                .formatted(sourcePackage, id, String.join(", ", lines));
    }

    private static String exploited(String id) {
        return "{\"vulnerabilities\": [{\"cveID\": \"" + id + "\"}]}";
    }

    private static String facts(String id, String file, String fixedIn) {
        return "{\"schemaVersion\": 1, \"facts\": [{\"id\": \"%s\", \"files\": [\"%s\"], \"fixedIn\":"
                        .formatted(id, file)
                + " \"%s\"}]}".formatted(fixedIn);
    }

    @Test
    void withoutFeedsTheChangelogIsTheList() throws FeedFault {
        CveList list = list();
        assertThat(ids(list))
                .containsExactly(
                        "CVE-2026-17601", "CVE-2026-17602", "CVE-2026-18701", "CVE-2026-18702");
        assertThat(cve(list, "CVE-2026-17601"))
                .isEqualTo(
                        new KnownCve(
                                new CveId("CVE-2026-17601"),
                                "net: one",
                                Optional.of(new DebianVersion("6.1.176-1")),
                                Rating.UNKNOWN,
                                Optional.empty(),
                                List.of("changelog 6.1.176-1"),
                                List.of(),
                                new java.util.TreeSet<>(),
                                "",
                                true));
        assertThat(list.byId()).hasSize(4).containsKey(new CveId("CVE-2026-18702"));
        assertThat(list.find(new CveId("CVE-2026-17001"))).isEmpty();
    }

    @Test
    void upToAnUploadInBetweenIsLess() throws FeedFault {
        assertThat(ids(of(CHANGELOG, RUNNING, new DebianVersion("6.1.176-1"), BOOKWORM)))
                .containsExactly("CVE-2026-17601", "CVE-2026-17602");
        assertThat(ids(of(CHANGELOG, TARGET, TARGET, BOOKWORM))).isEmpty();
    }

    @Test
    void aFixThatWasAddedToIsWholeOnlyWithTheLaterUploadAndKeepsItsFirstTitle() throws FeedFault {
        KnownCve both = cve(list(), "CVE-2026-17602");
        assertThat(both.title()).isEqualTo("net: both");
        assertThat(both.fixedIn()).contains(TARGET);
        assertThat(both.sources()).containsExactly("changelog 6.1.176-1", "changelog 6.1.187-1");
    }

    @Test
    void aFixForOtherArchitecturesIsListedAndMarked() throws FeedFault {
        assertThat(cve(list(), "CVE-2026-18702").reachesAmd64()).isFalse();
        assertThat(cve(list(), "CVE-2026-18701").reachesAmd64()).isTrue();
    }

    @Test
    void aFixOfWhichOnePartIsForEveryArchitectureReachesThisOne() throws FeedFault {
        String changelog = CHANGELOG.replace("- net: both (", "- [s390x] net: both (");
        assertThat(cve(of(changelog, RUNNING, TARGET, BOOKWORM), "CVE-2026-17602").reachesAmd64())
                .isTrue();
    }

    @Test
    void whatOnlyARecordHasFixedIsInTheListWithItsTitleAndWithoutAnUpload() throws FeedFault {
        CveList list = list(record("CVE-2026-20001", "6.1.180"));
        assertThat(ids(list)).hasSize(5).contains("CVE-2026-20001");
        KnownCve cve = cve(list, "CVE-2026-20001");
        assertThat(cve.title()).isEqualTo("title of the record");
        assertThat(cve.fixedIn()).isEmpty();
        assertThat(cve.sources()).containsExactly("CVE record 6.1.180");
        assertThat(cve.contradictions()).isEmpty();
        assertThat(cve.reachesAmd64()).isTrue();
    }

    @ParameterizedTest
    @CsvSource({
        // Fixed before, fixed after, never affected, fixed nowhere.
        "6.1.170, false",
        "6.1.188, false",
        "6.1.171, true",
        "6.1.187, true",
        "6.6.100, false"
    })
    void aRecordThatHasItFixedElsewhereAddsNothing(String fixed, boolean listed) throws FeedFault {
        assertThat(ids(list(record("CVE-2026-20001", fixed))).contains("CVE-2026-20001"))
                .isEqualTo(listed);
    }

    @Test
    void changelogAndRecordThatAgreeAreBothNamedAndTheChangelogsTitleIsTaken() throws FeedFault {
        KnownCve cve = cve(list(record("CVE-2026-17601", "6.1.175")), "CVE-2026-17601");
        assertThat(cve.title()).isEqualTo("net: one");
        assertThat(cve.fixedIn()).contains(new DebianVersion("6.1.176-1"));
        assertThat(cve.sources()).containsExactly("changelog 6.1.176-1", "CVE record 6.1.175");
        assertThat(cve.contradictions()).isEmpty();
    }

    @Test
    void aRecordThatHasTheRunningVersionUnaffectedContradictsTheChangelog() throws FeedFault {
        KnownCve cve = cve(list(record("CVE-2026-17601", "6.1.160")), "CVE-2026-17601");
        assertThat(cve.sources()).containsExactly("changelog 6.1.176-1");
        assertThat(cve.contradictions())
                .containsExactly(
                        "CVE record: 6.1.170 is not affected; the changelog has it fixed in"
                                + " 6.1.176-1");
    }

    @Test
    void aRecordThatHasTheTargetAffectedStillContradictsTheChangelog() throws FeedFault {
        KnownCve cve = cve(list(record("CVE-2026-17601", "6.1.190")), "CVE-2026-17601");
        assertThat(cve.contradictions())
                .containsExactly(
                        "CVE record: 6.1.187 is affected still; the changelog has it fixed in"
                                + " 6.1.176-1");
    }

    @Test
    void aRecordThatSaysNothingOfVersionsContradictsNobody() throws FeedFault {
        KnownCve cve = cve(list(withVersions("CVE-2026-17601", "")), "CVE-2026-17601");
        assertThat(cve.sources()).containsExactly("changelog 6.1.176-1");
        assertThat(cve.contradictions()).isEmpty();
    }

    @Test
    void aRangeOfARecordThatMakesNoSenseIsShown() throws FeedFault {
        KnownCve cve =
                cve(
                        list(
                                withVersions(
                                        "CVE-2026-17601",
                                        """
                                        {"version": "6.2", "lessThan": "6.1", "status": "affected"}
                                        """)),
                        "CVE-2026-17601");
        assertThat(cve.contradictions())
                .singleElement()
                .asString()
                .startsWith("CVE record: a range that ends before it begins: ");
    }

    @Test
    void aRejectedRecordAddsNothingAndContradictsWhoHasItFixed() throws FeedFault {
        String only = record("CVE-2026-20001", "6.1.180").replace("PUBLISHED", "REJECTED");
        String noted = record("CVE-2026-17601", "6.1.175").replace("PUBLISHED", "REJECTED");
        CveList list = list(only, noted);
        assertThat(ids(list)).doesNotContain("CVE-2026-20001");
        assertThat(cve(list, "CVE-2026-17601").contradictions())
                .containsExactly("CVE record: the id was rejected");
    }

    @Test
    void whatOnlyTheTrackerHasFixedIsInTheListWithItsVersion() throws FeedFault {
        CveList list = list(tracker("linux", "CVE-2026-20001", "bookworm resolved 6.1.180-1"));
        KnownCve cve = cve(list, "CVE-2026-20001");
        assertThat(cve.title()).isEmpty();
        assertThat(cve.fixedIn()).contains(new DebianVersion("6.1.180-1"));
        assertThat(cve.sources()).containsExactly("Debian tracker bookworm 6.1.180-1");
        assertThat(cve.contradictions()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "linux, bookworm resolved 6.1.170-3, false",
        "linux, bookworm resolved 6.1.188-1, false",
        "linux, bookworm resolved 0, false",
        "linux, bookworm open, false",
        "linux, trixie resolved 6.1.180-1, false",
        "linux-6.12, bookworm resolved 6.1.180-1, false",
        "linux, bookworm resolved 6.1.187-1, true",
        "linux, bookworm resolved 6.1.187-1~deb11u1, true",
        "linux, bookworm resolved 6.1.170-4, true"
    })
    void ofTheTrackerOnlyThePackageTheSuiteAndTheVersionsInBetweenCount(
            String sourcePackage, String release, boolean listed) throws FeedFault {
        assertThat(
                        ids(list(tracker(sourcePackage, "CVE-2026-20001", release)))
                                .contains("CVE-2026-20001"))
                .isEqualTo(listed);
    }

    @Test
    void withoutASuiteEveryReleaseOfTheTrackerCounts() throws FeedFault {
        String feed = tracker("linux", "CVE-2026-20001", "trixie resolved 6.1.180-1");
        assertThat(ids(list(feed))).doesNotContain("CVE-2026-20001");
        assertThat(ids(of(CHANGELOG, RUNNING, TARGET, Optional.empty(), feed)))
                .contains("CVE-2026-20001");
    }

    @Test
    void aTrackerThatAgreesIsASourceAndTheChangelogsUploadIsTaken() throws FeedFault {
        KnownCve cve =
                cve(
                        list(tracker("linux", "CVE-2026-17601", "bookworm resolved 6.1.176-1")),
                        "CVE-2026-17601");
        assertThat(cve.fixedIn()).contains(new DebianVersion("6.1.176-1"));
        assertThat(cve.sources())
                .containsExactly("changelog 6.1.176-1", "Debian tracker bookworm 6.1.176-1");
        assertThat(cve.contradictions()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    bookworm resolved 6.1.160-1 | Debian's tracker has it fixed in 6.1.160-1, the changelog has it fixed in 6.1.176-1
                    bookworm resolved 6.1.190-1 | Debian's tracker has it fixed in 6.1.190-1, the changelog has it fixed in 6.1.176-1
                    bookworm resolved 0 | Debian's tracker has bookworm never affected, the changelog has it fixed in 6.1.176-1
                    bookworm open | Debian's tracker has bookworm vulnerable still, the changelog has it fixed in 6.1.176-1
                    """)
    void aTrackerThatDisagreesWithTheChangelogIsShown(String release, String contradiction)
            throws FeedFault {
        KnownCve cve = cve(list(tracker("linux", "CVE-2026-17601", release)), "CVE-2026-17601");
        assertThat(cve.contradictions()).containsExactly(contradiction);
        // Nobody is outvoted.
        assertThat(cve.fixedIn()).contains(new DebianVersion("6.1.176-1"));
        assertThat(cve.sources()).contains("changelog 6.1.176-1");
    }

    @Test
    void aTrackersLineOfAnotherSuiteContradictsNobody() throws FeedFault {
        KnownCve cve =
                cve(list(tracker("linux", "CVE-2026-17601", "trixie open")), "CVE-2026-17601");
        assertThat(cve.contradictions()).isEmpty();
    }

    @Test
    void ofChangelogRecordAndTrackerTheListIsTheUnion() throws FeedFault {
        CveList list =
                list(
                        record("CVE-2026-20001", "6.1.180"),
                        tracker("linux", "CVE-2026-20002", "bookworm resolved 6.1.180-1"),
                        record("CVE-2025-99999", "6.1.180"),
                        exploited("CVE-2026-20003"),
                        facts("CVE-2026-20004", "fs/a.c", "6.1.180-1"));
        assertThat(ids(list))
                .containsExactly(
                        "CVE-2025-99999",
                        "CVE-2026-17601",
                        "CVE-2026-17602",
                        "CVE-2026-18701",
                        "CVE-2026-18702",
                        "CVE-2026-20001",
                        "CVE-2026-20002");
    }

    @Test
    void whatOnlyRecordAndTrackerHaveFixedNamesBoth() throws FeedFault {
        KnownCve cve =
                cve(
                        list(
                                record("CVE-2026-20001", "6.1.180"),
                                tracker("linux", "CVE-2026-20001", "bookworm resolved 6.1.180-1")),
                        "CVE-2026-20001");
        assertThat(cve.sources())
                .containsExactly("CVE record 6.1.180", "Debian tracker bookworm 6.1.180-1");
        assertThat(cve.title()).isEqualTo("title of the record");
        assertThat(cve.fixedIn()).contains(new DebianVersion("6.1.180-1"));
    }

    @Test
    void whetherItIsExploitedIsKnownOnlyWhereTheListWasRead() throws FeedFault {
        assertThat(cve(list(), "CVE-2026-17601").knownExploited()).isEmpty();
        CveList with = list(exploited("CVE-2026-17602"));
        assertThat(cve(with, "CVE-2026-17601").knownExploited()).contains(false);
        assertThat(cve(with, "CVE-2026-17602").knownExploited()).contains(true);
    }

    @Test
    void theHighestOfAllRatingsIsTaken() throws FeedFault {
        String rated =
                record("CVE-2026-17601", "6.1.175")
                        .replace(
                                "\"title\":",
                                "\"providerMetadata\": {\"shortName\": \"Linux\"}, \"metrics\":"
                                        + " [{\"cvssV3_1\": {\"baseScore\": 5.5}}], \"title\":");
        String nvd = SmallFeeds.NVD.replace("CVE-2026-10001", "CVE-2026-17601");
        assertThat(cve(list(rated), "CVE-2026-17601").rating())
                .isEqualTo(new Rating(Severity.MODERATE, "CNA Linux 5.5"));
        assertThat(cve(list(rated, nvd), "CVE-2026-17601").rating())
                .isEqualTo(new Rating(Severity.IMPORTANT, "NVD 7.8"));
        assertThat(cve(list(nvd), "CVE-2026-17602").rating()).isEqualTo(Rating.UNKNOWN);
    }

    @Test
    void ofOnesOwnFactsOnlyThoseOfTheRunningLineCount() throws FeedFault {
        KnownCve own = cve(list(facts("CVE-2026-17601", "fs/a.c", "6.1.176-1")), "CVE-2026-17601");
        assertThat(own.files()).containsExactly("fs/a.c");
        assertThat(own.filesSource()).isEqualTo("table of facts");
        KnownCve other =
                cve(list(facts("CVE-2026-17601", "fs/a.c", "6.12.176-1")), "CVE-2026-17601");
        assertThat(other.files()).isEmpty();
        assertThat(other.filesSource()).isEmpty();
        assertThat(own.sources()).containsExactly("changelog 6.1.176-1");
    }

    @Test
    void theFilesOfARecordGoBeforeOnesOwn() throws FeedFault {
        String withFiles =
                record("CVE-2026-17601", "6.1.175")
                        .replace(
                                "\"product\": \"Linux\",",
                                "\"product\": \"Linux\", \"programFiles\": [\"fs/record.c\"],");
        KnownCve cve =
                cve(
                        list(facts("CVE-2026-17601", "fs/own.c", "6.1.176-1"), withFiles),
                        "CVE-2026-17601");
        assertThat(cve.files()).containsExactly("fs/record.c");
        assertThat(cve.filesSource()).isEqualTo("CVE record");
        KnownCve without =
                cve(
                        list(
                                facts("CVE-2026-17601", "fs/own.c", "6.1.176-1"),
                                record("CVE-2026-17601", "6.1.175")),
                        "CVE-2026-17601");
        assertThat(without.files()).containsExactly("fs/own.c");
    }

    @Test
    void aSuiteThatRebuildsHasItFixedInItsOwnUpload() throws FeedFault {
        String changelog =
                """
                linux-6.12 (6.12.111-1~deb12u1) bookworm-security; urgency=high

                  * Rebuild for bookworm

                linux (6.12.111-1) trixie-security; urgency=high

                  * New upstream stable update:
                    - erofs: one (CVE-2026-11101)

                linux-6.12 (6.12.107-1~deb12u1) bookworm-security; urgency=high

                  * Rebuild for bookworm
                """;
        CveList list =
                of(
                        changelog,
                        new DebianVersion("6.12.107-1~deb12u1"),
                        new DebianVersion("6.12.111-1~deb12u1"),
                        BOOKWORM,
                        tracker(
                                "linux-6.12",
                                "CVE-2026-11101",
                                "bookworm resolved 6.12.111-1~deb12u1"));
        KnownCve cve = cve(list, "CVE-2026-11101");
        assertThat(cve.fixedIn()).contains(new DebianVersion("6.12.111-1~deb12u1"));
        assertThat(cve.sources())
                .containsExactly(
                        "changelog 6.12.111-1", "Debian tracker bookworm 6.12.111-1~deb12u1");
        assertThat(cve.contradictions()).isEmpty();
    }
}
