package dev.rebootless.cve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is taken from a CVE record, and from records that are not as they should be. */
class CveRecordTest {
    private static CveRecord record(String json) throws FeedFault {
        return CveRecord.of(SmallFeeds.json(json));
    }

    /** The record with other containers. */
    private static CveRecord with(String containers) throws FeedFault {
        return record(
                """
                {
                  "dataType": "CVE_RECORD", "dataVersion": "5.1",
                  "cveMetadata": {"cveId": "CVE-2026-10001", "state": "PUBLISHED"},
                  "containers": %s
                }
                """
                        .formatted(containers));
    }

    private static Rating highest(String containers) throws FeedFault {
        return Rating.highest(with(containers).ratings());
    }

    @Test
    void idTitleFilesRatingsAndRangesOfTheKernelsRecordAreTaken() throws FeedFault {
        CveRecord record = record(SmallFeeds.RECORD);
        assertThat(record.id()).hasToString("CVE-2026-10001");
        assertThat(record.title()).isEqualTo("erofs: skip large buffers");
        assertThat(record.rejected()).isFalse();
        assertThat(record.files()).containsExactly("fs/erofs/internal.h", "fs/erofs/zutil.c");
        assertThat(record.ratings())
                .containsExactly(new Rating(Severity.MODERATE, "ADP CISA-ADP 5.5"));
        assertThat(record.ranges().ranges()).hasSize(4);
        assertThat(record.ranges().affectedByDefault()).isTrue();
        assertThat(record.updated()).isEqualTo("2026-10-01T00:00:00.000Z");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"6.0\"", "\"4.0\"", "\"50.1\"", "\"\"", "null", "6", "[]"})
    void aFormatToComeIsRefusedByItsName(String version) {
        assertThatThrownBy(() -> record(SmallFeeds.RECORD.replace("\"5.2\"", version)))
                .isInstanceOf(FeedFault.class)
                .hasMessageStartingWith("a CVE record of format ")
                .hasMessageEndingWith("; known is 5");
    }

    @Test
    void theNameOfAFormatToComeIsShown() {
        assertThatThrownBy(() -> record(SmallFeeds.RECORD.replace("\"5.2\"", "\"6.0\"")))
                .isInstanceOf(FeedFault.class)
                .hasMessage("a CVE record of format 6.0; known is 5");
    }

    @Test
    void whatALaterFormat5AddsIsReadOver() throws FeedFault {
        CveRecord record =
                record(
                        SmallFeeds.RECORD
                                .replace("\"5.2\"", "\"5.9\"")
                                .replace(
                                        "\"containers\": {",
                                        "\"news\": [1], \"containers\": {\"ssvc\": [{}],"));
        assertThat(record.files()).hasSize(2);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"dataType\": \"CVE_LIST\", \"dataVersion\": \"5.1\"}",
                "{\"dataType\": [\"CVE_RECORD\"], \"dataVersion\": \"5.1\"}",
                "[]",
                "null",
                "7",
                "\"CVE_RECORD\""
            })
    void whatIsNoRecordIsRefused(String json) {
        assertThatThrownBy(() -> record(json))
                .isInstanceOf(FeedFault.class)
                .hasMessageContaining("dataType is not CVE_RECORD");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"\"\"", "null", "{}", "\"CVE-26-1\"", "\" CVE-2026-10001\"", "\"TEMP-1\""})
    void aRecordWithoutAnIdIsRefused(String id) {
        assertThatThrownBy(() -> record(SmallFeeds.RECORD.replace("\"CVE-2026-10001\"", id)))
                .isInstanceOf(FeedFault.class)
                .hasMessage("a CVE record without an id");
    }

    @Test
    void anIdThatWasWithdrawnIsARejectedRecord() throws FeedFault {
        CveRecord record =
                record(
                        """
                        {
                          "containers": {
                            "cna": {
                              "providerMetadata": {"shortName": "Linux"},
                              "rejectedReasons": [{"lang": "en", "value": "withdrawn by its CNA"}]
                            }
                          },
                          "cveMetadata": {"cveId": "CVE-2026-10001", "state": "REJECTED"},
                          "dataType": "CVE_RECORD",
                          "dataVersion": "5.0"
                        }
                        """);
        assertThat(record.rejected()).isTrue();
        assertThat(record.files()).isEmpty();
        assertThat(record.ranges().isEmpty()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../../etc/passwd",
                "fs/../../etc/passwd",
                "fs/..",
                "..",
                "/etc/passwd",
                "fs//inode.c",
                "fs\\\\inode.c",
                "fs/in\\node.c",
                "fs/\\u001b[31mred.c",
                "fs/\\u0000.c",
                "fs/\\u202ec.edoni",
                "-rf",
                ".git/config",
                "~/x",
                "$(reboot)",
                "fs/a b.c",
                "",
                " "
            })
    void aPathThatLeadsElsewhereOrIsNoneOfTheKernelsIsLeftOut(String hostile) throws FeedFault {
        CveRecord record =
                record(SmallFeeds.RECORD.replace("\"fs/erofs/internal.h\"", "\"" + hostile + "\""));
        assertThat(record.files()).containsExactly("fs/erofs/zutil.c");
    }

    @ParameterizedTest
    @ValueSource(strings = {"null", "7", "[\"fs/a.c\"]", "{\"a\": \"fs/a.c\"}", "true"})
    void whatIsNoTextIsNoPath(String json) throws FeedFault {
        CveRecord record = record(SmallFeeds.RECORD.replace("\"fs/erofs/internal.h\"", json));
        // A number or a word could be a file's name for all that its form says.
        assertThat(record.files()).contains("fs/erofs/zutil.c").doesNotContain("fs/a.c");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Makefile",
                "include/uapi/linux/netfilter/xt_DSCP.h",
                "arch/x86/kernel/cpu/microcode/amd.c",
                "drivers/net/wireless/intel/iwlwifi/cfg/9000.c",
                "Documentation/devicetree/bindings/sound/fsl,ssi.txt",
                "arch/arm64/boot/dts/a@b+c.dts",
                "lib/a..b.c"
            })
    void everyPathOfTheKernelsIsTaken(String path) throws FeedFault {
        assertThat(record(SmallFeeds.RECORD.replace("fs/erofs/internal.h", path)).files())
                .containsExactlyInAnyOrder("fs/erofs/zutil.c", path);
    }

    @Test
    void aPathLongerThanAnyIsLeftOut() throws FeedFault {
        assertThat(
                        record(
                                        SmallFeeds.RECORD.replace(
                                                "fs/erofs/internal.h", "a/".repeat(200) + "b.c"))
                                .files())
                .containsExactly("fs/erofs/zutil.c");
    }

    @Test
    void ofEndlesslyManyFilesTheFirstAreTaken() throws FeedFault {
        String files =
                IntStream.range(0, 10_000)
                        .mapToObj(i -> "\"fs/" + i + ".c\"")
                        .collect(Collectors.joining(","));
        assertThat(record(SmallFeeds.RECORD.replace("\"fs/erofs/internal.h\"", files)).files())
                .hasSizeBetween(1_000, 5_000);
    }

    @Test
    void filesOfAnotherProductAreLeftOut() throws FeedFault {
        assertThat(
                        with("""
                        {"cna": {"affected": [
                          {"product": "bash", "programFiles": ["main.c"]},
                          {"product": "Linux Kernel", "programFiles": ["fs/a.c"]}]}}
                        """)
                                .files())
                .containsExactly("fs/a.c");
    }

    @ParameterizedTest
    @CsvSource({
        "9.0, CRITICAL",
        "10, CRITICAL",
        "8.9, IMPORTANT",
        "7.0, IMPORTANT",
        "6.9, MODERATE",
        "4.0, MODERATE",
        "3.9, LOW",
        "0.1, LOW"
    })
    void aScoreIsOfTheBandOfCvss(String score, Severity severity) throws FeedFault {
        assertThat(
                        highest(
                                """
                                {"cna": {"providerMetadata": {"shortName": "Linux"},
                                         "metrics": [{"cvssV3_1": {"baseScore": %s}}]}}
                                """
                                        .formatted(score)))
                .isEqualTo(new Rating(severity, "CNA Linux " + Double.parseDouble(score)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "[]",
                "null",
                "{\"cna\": {\"metrics\": []}}",
                "{\"cna\": {\"metrics\": [{\"other\": {\"type\": \"ssvc\"}}]}}",
                "{\"cna\": {\"metrics\": [{\"cvssV3_1\": {\"baseScore\": \"high\"}}]}}",
                "{\"cna\": {\"metrics\": [{\"cvssV3_1\": {\"baseScore\": null}}]}}",
                "{\"cna\": {\"metrics\": [{\"cvssV3_1\": {\"baseScore\": 10.1}}]}}",
                "{\"cna\": {\"metrics\": [{\"cvssV3_1\": {\"baseScore\": -1}}]}}",
                "{\"cna\": {\"metrics\": [{\"cvssV3_1\": {\"baseScore\": 1e999}}]}}",
                "{\"cna\": {\"metrics\": [{\"cvssV2_0\": {\"baseScore\": 9.9}}]}}",
                "{\"cna\": {\"metrics\": [{\"cvssV9_0\": {\"baseScore\": 9.9}}]}}"
            })
    void aSeverityThatNobodyGivesIsUnknown(String containers) throws FeedFault {
        assertThat(highest(containers)).isEqualTo(Rating.UNKNOWN);
        assertThat(highest(containers).severity()).isEqualTo(Severity.UNKNOWN);
    }

    @Test
    void theHighestBandOfAllWhoRateItWins() throws FeedFault {
        assertThat(
                        highest(
                                """
                                {
                                  "cna": {"providerMetadata": {"shortName": "Linux"}, "metrics": [
                                    {"cvssV3_1": {"baseScore": 3.3}}]},
                                  "adp": [
                                    {"providerMetadata": {"shortName": "A"}, "metrics": [
                                      {"cvssV3_0": {"baseScore": 5.0}, "cvssV4_0": {"baseScore": 9.3}}]},
                                    {"providerMetadata": {"shortName": "B"}, "metrics": [
                                      {"cvssV3_1": {"baseScore": 7.8}}]}
                                  ]
                                }
                                """))
                .isEqualTo(new Rating(Severity.CRITICAL, "ADP A 9.3"));
    }

    @Test
    void aTitleIsCutWhereItNeverEnds() throws FeedFault {
        assertThat(
                        record(SmallFeeds.RECORD.replace("skip large buffers", "x".repeat(9_000)))
                                .title())
                .startsWith("erofs: xxx")
                .hasSizeLessThan(1_000);
    }
}
