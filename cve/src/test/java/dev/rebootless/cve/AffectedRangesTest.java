package dev.rebootless.cve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.cve.AffectedRanges.Status;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The versions of CVE records, in the form of the kernel's CNA and in others. */
class AffectedRangesTest {
    /** Found in 5.2, fixed in 6.1.130, 6.6.80 and 6.14, and nowhere else. */
    private static final String KERNEL_CNA =
            """
            {"version": "5.2", "status": "affected"},
            {"version": "0", "lessThan": "5.2", "status": "unaffected", "versionType": "semver"},
            {"version": "6.1.130", "lessThanOrEqual": "6.1.*", "status": "unaffected",
             "versionType": "semver"},
            {"version": "6.6.80", "lessThanOrEqual": "6.6.*", "status": "unaffected",
             "versionType": "semver"},
            {"version": "6.14", "lessThanOrEqual": "*", "status": "unaffected",
             "versionType": "original_commit_for_fix"}
            """;

    /** The ranges of a record with one product. */
    private static AffectedRanges ranges(String defaultStatus, String versions) throws FeedFault {
        return ofAffected(
                """
                {"product": "Linux", "vendor": "Linux", "defaultStatus": "%s", "versions": [%s]}
                """
                        .formatted(defaultStatus, versions));
    }

    private static AffectedRanges ofAffected(String affected) throws FeedFault {
        return CveRecord.of(
                        SmallFeeds.json(
                                """
                                {
                                  "dataType": "CVE_RECORD", "dataVersion": "5.2",
                                  "cveMetadata": {"cveId": "CVE-2026-10001", "state": "PUBLISHED"},
                                  "containers": {"cna": {"affected": [%s]}}
                                }
                                """
                                        .formatted(affected)))
                .ranges();
    }

    private static UpstreamVersion version(String text) {
        return UpstreamVersion.of(text).orElseThrow();
    }

    private static String fixed(AffectedRanges ranges, String running, String target) {
        return ranges.fixedBetween(version(running), version(target))
                .map(UpstreamVersion::toString)
                .orElse("-");
    }

    @ParameterizedTest
    @CsvSource({
        "4.19.300, UNAFFECTED",
        "5.1.21, UNAFFECTED",
        "5.2, AFFECTED",
        "5.2.1, AFFECTED",
        "5.10.230, AFFECTED",
        "6.1, AFFECTED",
        "6.1.0, AFFECTED",
        "6.1.129, AFFECTED",
        "6.1.130, UNAFFECTED",
        "6.1.190, UNAFFECTED",
        "6.2, AFFECTED",
        "6.6.79, AFFECTED",
        "6.6.80, UNAFFECTED",
        "6.12.5, AFFECTED",
        "6.13.9, AFFECTED",
        "6.14, UNAFFECTED",
        "6.14-rc3, UNAFFECTED",
        "7.0, UNAFFECTED"
    })
    void theFormOfTheKernelsCnaSaysOfEveryVersionWhatItIs(String version, Status status)
            throws FeedFault {
        AffectedRanges ranges = ranges("affected", KERNEL_CNA);
        assertThat(ranges.faults()).isEmpty();
        assertThat(ranges.of(version(version))).isEqualTo(status);
    }

    @ParameterizedTest
    @CsvSource({
        "6.1.100, 6.1.170, 6.1.130",
        "6.1.129, 6.1.130, 6.1.130",
        "6.1.130, 6.1.170, -",
        "6.1.100, 6.1.120, -",
        "5.1, 5.1.9, -",
        "6.6.1, 6.6.90, 6.6.80",
        "6.12.10, 6.14.2, 6.14",
        // The other lines' fixes lie between, and are fixes for whoever goes that way.
        "6.1.129, 6.6.90, 6.1.130"
    })
    void whatIsFixedBetweenTwoVersionsIsFixedInTheFirstThatIsNotAffected(
            String running, String target, String first) throws FeedFault {
        assertThat(fixed(ranges("affected", KERNEL_CNA), running, target)).isEqualTo(first);
    }

    @Test
    void rangesOfGitCommitsAreLeftOut() throws FeedFault {
        AffectedRanges onlyGit =
                ranges(
                        "affected",
                        """
                        {"version": "1da177e4", "lessThan": "cafe", "status": "affected",
                         "versionType": "git"},
                        {"version": "6.1", "lessThan": "6.1.5", "status": "affected",
                         "versionType": "git"}
                        """);
        assertThat(onlyGit.isEmpty()).isTrue();
        assertThat(onlyGit.faults()).isEmpty();
        assertThat(onlyGit.of(version("6.1.3"))).isEqualTo(Status.UNKNOWN);
    }

    /** The CNA's first entry has commits and "unaffected", the second releases and "affected". */
    @Test
    void theDefaultOfAnEntryThatHasOnlyGitCommitsIsNotTaken() throws FeedFault {
        String releases =
                """
                {"product": "Linux", "defaultStatus": "%s", "versions": [
                  {"version": "6.1.130", "lessThanOrEqual": "6.1.*", "status": "unaffected"}]}
                """;
        String git =
                """
                {"product": "Linux", "defaultStatus": "%s", "versions": [
                  {"version": "abc", "status": "affected", "versionType": "git"}]}
                """;
        assertThat(
                        ofAffected(
                                        git.formatted("unaffected")
                                                + ","
                                                + releases.formatted("affected"))
                                .of(version("6.1.1")))
                .isEqualTo(Status.AFFECTED);
        assertThat(
                        ofAffected(
                                        git.formatted("affected")
                                                + ","
                                                + releases.formatted("unaffected"))
                                .of(version("6.1.1")))
                .isEqualTo(Status.UNAFFECTED);
    }

    @Test
    void rangesOfAnotherProductAreLeftOut() throws FeedFault {
        AffectedRanges ranges =
                ofAffected(
                        """
                        {"product": "Linux-PAM", "defaultStatus": "affected", "versions": [
                          {"version": "1.0", "status": "affected"}]},
                        {"product": "linux kernel", "defaultStatus": "unaffected", "versions": [
                          {"version": "6.1", "lessThan": "6.1.9", "status": "affected"}]}
                        """);
        assertThat(ranges.of(version("1.0"))).isEqualTo(Status.UNAFFECTED);
        assertThat(ranges.of(version("6.1.8"))).isEqualTo(Status.AFFECTED);
    }

    @Test
    void withoutAnyRangeNothingIsKnown() throws FeedFault {
        AffectedRanges none = ranges("affected", "");
        assertThat(none.isEmpty()).isTrue();
        assertThat(none.of(version("6.1.1"))).isEqualTo(Status.UNKNOWN);
        assertThat(fixed(none, "6.1.1", "6.1.9")).isEqualTo("-");
    }

    @Test
    void aRangeWithoutAnEndIsOneVersion() throws FeedFault {
        AffectedRanges ranges =
                ranges("unaffected", "{\"version\": \"6.1\", \"status\": \"affected\"}");
        assertThat(ranges.of(version("6.1.0"))).isEqualTo(Status.AFFECTED);
        assertThat(ranges.of(version("6.1.1"))).isEqualTo(Status.UNAFFECTED);
    }

    @Test
    void theEndOfARangeIsInItOrNotAsItsMemberSays() throws FeedFault {
        AffectedRanges before =
                ranges(
                        "unaffected",
                        """
                        {"version": "6.1.5", "lessThan": "6.1.9", "status": "affected"}
                        """);
        assertThat(before.of(version("6.1.4"))).isEqualTo(Status.UNAFFECTED);
        assertThat(before.of(version("6.1.5"))).isEqualTo(Status.AFFECTED);
        assertThat(before.of(version("6.1.9"))).isEqualTo(Status.UNAFFECTED);
        assertThat(fixed(before, "6.1.7", "6.1.20")).isEqualTo("6.1.9");
        AffectedRanges with =
                ranges(
                        "unaffected",
                        """
                        {"version": "6.1.5", "lessThanOrEqual": "6.1.9", "status": "affected"}
                        """);
        assertThat(with.of(version("6.1.9"))).isEqualTo(Status.AFFECTED);
        assertThat(with.of(version("6.1.10"))).isEqualTo(Status.UNAFFECTED);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"version\": \"6.1.9\", \"lessThan\": \"6.1.5\", \"status\": \"affected\"}",
                "{\"version\": \"6.1.9\", \"lessThan\": \"6.1.9\", \"status\": \"affected\"}",
                "{\"version\": \"6.1.9\", \"lessThanOrEqual\": \"6.1.8\", \"status\": \"affected\"}",
                "{\"version\": \"6.6.1\", \"lessThanOrEqual\": \"6.1.*\", \"status\":"
                        + " \"affected\"}"
            })
    void aRangeThatEndsBeforeItBeginsIsLeftOutAndSaidSo(String backwards) throws FeedFault {
        AffectedRanges ranges =
                ranges(
                        "unaffected",
                        backwards
                                + ", {\"version\": \"5.2\", \"lessThan\": \"5.9\", \"status\":"
                                + " \"affected\"}");
        assertThat(ranges.faults())
                .singleElement()
                .satisfies(f -> assertThat(f).startsWith("a range that ends before it begins: {"));
        assertThat(ranges.of(version("6.1.7"))).isEqualTo(Status.UNAFFECTED);
        assertThat(ranges.of(version("5.3"))).isEqualTo(Status.AFFECTED);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"version\": \"unspecified\", \"status\": \"affected\"}",
                "{\"version\": \"6.1\", \"status\": \"unknown\"}",
                "{\"version\": \"6.1\"}",
                "{\"version\": \"6.1\", \"lessThan\": \"next\", \"status\": \"affected\"}",
                "{\"version\": \"6.1\", \"lessThan\": null, \"status\": \"affected\"}",
                "{\"version\": \"6.1.2.3.4.5.6.7\", \"status\": \"affected\"}",
                "{\"version\": \"99999999999999999999\", \"status\": \"affected\"}",
                "{\"status\": \"affected\"}",
                "\"6.1\"",
                "null",
                "[]"
            })
    void aRangeThatCannotBeReadIsLeftOutAndSaidSo(String unreadable) throws FeedFault {
        AffectedRanges ranges = ranges("affected", unreadable);
        assertThat(ranges.faults())
                .singleElement()
                .satisfies(f -> assertThat(f).startsWith("a range that cannot be read: "));
        assertThat(ranges.isEmpty()).isTrue();
        assertThat(ranges.of(version("6.1"))).isEqualTo(Status.UNKNOWN);
    }

    @Test
    void ofTwoRangesThatContradictEachOtherNeitherIsTaken() throws FeedFault {
        AffectedRanges ranges =
                ranges(
                        "affected",
                        """
                        {"version": "6.1", "lessThan": "6.1.50", "status": "affected"},
                        {"version": "6.1.40", "lessThan": "6.1.60", "status": "unaffected"}
                        """);
        assertThat(ranges.of(version("6.1.39"))).isEqualTo(Status.AFFECTED);
        assertThat(ranges.of(version("6.1.45"))).isEqualTo(Status.UNKNOWN);
        assertThat(ranges.of(version("6.1.55"))).isEqualTo(Status.UNAFFECTED);
        // From or to where nothing is known, nothing is known to be fixed.
        assertThat(fixed(ranges, "6.1.45", "6.1.55")).isEqualTo("-");
        assertThat(fixed(ranges, "6.1.10", "6.1.45")).isEqualTo("-");
        assertThat(fixed(ranges, "6.1.10", "6.1.55")).isEqualTo("6.1.50");
    }

    @Test
    void ofEndlesslyManyRangesTheFirstAreTaken() throws FeedFault {
        String one = "{\"version\": \"6.1.1\", \"status\": \"affected\"},";
        AffectedRanges ranges =
                ranges(
                        "unaffected",
                        one.repeat(20_000)
                                + "{\"version\": \"6.6\", \"lessThanOrEqual\": \"*\", \"status\":"
                                + " \"affected\"}");
        assertThat(ranges.ranges()).hasSizeLessThan(20_000);
        assertThat(ranges.of(version("6.1.1"))).isEqualTo(Status.AFFECTED);
    }

    @ParameterizedTest
    @CsvSource({
        "6.1.5, 6.1.*, true",
        "6.1, 6.1.*, true",
        "6.10.1, 6.1.*, false",
        "6.1.5, *, true",
        "6.1.5, 6.*, true",
        "6, 6.1.*, false",
        "6.1.5, 6.1*, false",
        "6.1.5, 6.1.5, false"
    })
    void aWildcardNamesALine(String version, String wildcard, boolean matches) {
        assertThat(version(version).matches(wildcard)).isEqualTo(matches);
    }
}
