package dev.rebootless.cve;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.cve.FeedFacts.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Feeds of every kind, whole and not, in files and folders. */
class FeedsTest {
    private static final CveId ONE = new CveId("CVE-2026-10001");
    private static final CveId TWO = new CveId("CVE-2026-10002");
    private static final Instant DATE = Instant.parse("2026-11-01T12:00:00Z");

    @TempDir private Path temp;

    private FeedFacts read(Path... places) {
        return Feeds.read(
                Arrays.stream(places).map(Path::toString).toList(),
                temp.resolve("cache"),
                Progress.SILENT);
    }

    private Path file(String name, String content) throws IOException {
        return file(name, content.getBytes(StandardCharsets.UTF_8));
    }

    private Path file(String name, byte[] content) throws IOException {
        Path file = temp.resolve(name);
        Files.createDirectories(file.resolveSibling("."));
        Files.write(file, content);
        Files.setLastModifiedTime(file, FileTime.from(DATE));
        return file;
    }

    private void refused(String code, ExitStatus status, Path place, String why) {
        assertThatThrownBy(() -> read(place))
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e -> {
                            assertThat(e.status()).isEqualTo(status);
                            assertThat(e.problems().getFirst().code()).isEqualTo(code);
                            assertThat(e.problems().getFirst().place()).isEqualTo(place.toString());
                            assertThat(e.problems().getFirst().message()).contains(why);
                        });
    }

    private void refusedAsFeed(Path place, String why) {
        refused("RBL-FEED", ExitStatus.ENVIRONMENT, place, why);
    }

    @Test
    void aRecordIsRead() throws IOException {
        Path file = file("record.json", SmallFeeds.RECORD);
        FeedFacts facts = read(file);
        assertThat(facts.records()).containsOnlyKeys(ONE);
        assertThat(facts.origins())
                .containsExactly(
                        new FeedFacts.Origin(file.toString(), Kind.CVE_RECORDS, DATE.toString()));
        assertThat(facts.warnings()).isEmpty();
        assertThat(facts.exploited()).isEmpty();
    }

    @Test
    void anArrayOfRecordsIsRead() throws IOException {
        FeedFacts facts =
                read(
                        file(
                                "records.json",
                                "["
                                        + SmallFeeds.RECORD
                                        + ","
                                        + SmallFeeds.record("CVE-2026-10002")
                                        + "]"));
        assertThat(facts.records()).containsOnlyKeys(ONE, TWO);
    }

    @Test
    void ofTwoRecordsOfOneIdTheOneUpdatedLaterIsTaken() throws IOException {
        Path older = file("older.json", SmallFeeds.RECORD.replace("erofs:", "older:"));
        Path newer =
                file(
                        "newer.json",
                        SmallFeeds.RECORD
                                .replace("erofs:", "newer:")
                                .replace("2026-10-01T", "2026-10-02T"));
        assertThat(requireNonNull(read(older, newer).records().get(ONE)).title())
                .startsWith("newer:");
        assertThat(requireNonNull(read(newer, older).records().get(ONE)).title())
                .startsWith("newer:");
    }

    @Test
    void theTrackersLinesOfKernelPackagesAreRead() throws IOException {
        FeedFacts facts = read(file("tracker.json", SmallFeeds.TRACKER));
        assertThat(facts.tracked()).containsOnlyKeys(ONE, TWO);
        assertThat(facts.tracked().get(ONE))
                .extracting(FeedFacts.Tracked::toString)
                .containsExactlyInAnyOrder(
                        "Tracked[sourcePackage=linux, release=bookworm,"
                                + " fixed=Optional[6.1.176-1], status=FIXED]",
                        "Tracked[sourcePackage=linux, release=trixie, fixed=Optional.empty,"
                                + " status=OPEN]",
                        // Version 0 is the tracker's word for never affected.
                        "Tracked[sourcePackage=linux, release=sid, fixed=Optional.empty,"
                                + " status=NEVER_AFFECTED]");
        assertThat(facts.tracked().get(TWO))
                .extracting(FeedFacts.Tracked::sourcePackage)
                .containsExactly("linux-6.12");
        assertThat(facts.origins())
                .extracting(FeedFacts.Origin::kind)
                .containsExactly(Kind.DEBIAN_TRACKER);
    }

    @Test
    void theListOfKnownExploitedOnesIsReadWithItsDate() throws IOException {
        FeedFacts facts = read(file("kev.json", SmallFeeds.EXPLOITED));
        assertThat(facts.exploited()).contains(Set.of(ONE, new CveId("CVE-2021-44228")));
        assertThat(facts.origins())
                .extracting(FeedFacts.Origin::kind, FeedFacts.Origin::date)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple(
                                Kind.KNOWN_EXPLOITED, "2026-11-20T15:00:02.0304Z"));
    }

    @Test
    void nvdsScoresAreReadWithTheirDate() throws IOException {
        FeedFacts facts = read(file("nvd.json", SmallFeeds.NVD));
        assertThat(facts.ratings())
                .containsOnlyKeys(ONE)
                .containsEntry(ONE, List.of(new Rating(Severity.IMPORTANT, "NVD 7.8")));
        assertThat(facts.exploited()).isEmpty();
        assertThat(facts.origins())
                .extracting(FeedFacts.Origin::date)
                .containsExactly("2026-11-21T08:00:00.000");
    }

    @Test
    void aTableOfOnesOwnFactsIsRead() throws IOException {
        FeedFacts facts = read(file("facts.json", SmallFeeds.OWN_FACTS));
        assertThat(facts.own()).containsOnlyKeys(ONE, TWO);
        assertThat(requireNonNull(facts.own().get(TWO)).files())
                .containsExactly("mm/mmap.c", "mm/rmap.c");
        assertThat(requireNonNull(facts.own().get(TWO)).fixedIn()).hasToString("6.12.107-1");
    }

    @Test
    void severalFeedsGoTogether() throws IOException {
        FeedFacts facts =
                read(
                        file("facts.json", SmallFeeds.OWN_FACTS),
                        file("kev.json", SmallFeeds.EXPLOITED),
                        file("nvd.json", SmallFeeds.NVD),
                        file("tracker.json", SmallFeeds.TRACKER),
                        file("record.json", SmallFeeds.RECORD));
        assertThat(facts.origins())
                .extracting(FeedFacts.Origin::kind)
                .containsExactly(
                        Kind.OWN_FACTS,
                        Kind.KNOWN_EXPLOITED,
                        Kind.NVD,
                        Kind.DEBIAN_TRACKER,
                        Kind.CVE_RECORDS);
        assertThat(facts.own()).isNotEmpty();
        assertThat(facts.exploited()).isPresent();
        assertThat(facts.ratings()).isNotEmpty();
        assertThat(facts.tracked()).isNotEmpty();
        assertThat(facts.records()).isNotEmpty();
    }

    @Test
    void noFeedAtAllSaysNothing() {
        assertThat(read()).isEqualTo(FeedFacts.NONE);
        assertThat(FeedFacts.NONE.exploited()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void aFeedThatIsCompressedIsTheSameFeed(Kind kind) throws IOException {
        String feed = requireNonNull(SmallFeeds.ofEachKind().get(kind));
        Path plain = file("feed", feed);
        FeedFacts expected = read(plain);
        Files.write(plain, SmallFeeds.gzip(feed));
        Files.setLastModifiedTime(plain, FileTime.from(DATE));
        assertThat(read(plain)).isEqualTo(expected).isNotEqualTo(FeedFacts.NONE);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void aFeedThatIsCutAnywhereIsRefused(Kind kind) throws IOException {
        byte[] feed =
                requireNonNull(SmallFeeds.ofEachKind().get(kind)).getBytes(StandardCharsets.UTF_8);
        for (int length = 0; length < feed.length; length++) {
            refusedAsFeed(file("feed.json", Arrays.copyOf(feed, length)), "JSON");
        }
        assertThat(read(file("feed.json", feed)).origins()).hasSize(1);
    }

    @Test
    void aCompressedFeedThatIsCutAnywhereIsRefused() throws IOException {
        byte[] feed = SmallFeeds.gzip(SmallFeeds.RECORD);
        for (int length = 0; length < feed.length; length++) {
            refusedAsFeed(file("feed.json.gz", Arrays.copyOf(feed, length)), "");
        }
        assertThat(read(file("feed.json.gz", feed)).records()).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "[]",
                "null",
                "true",
                "7",
                "\"CVE-2026-10001\"",
                "[1]",
                "[null]",
                "[[]]",
                "{\"bash\": {\"CVE-2026-10001\": {}}}",
                "{\"linux\": []}",
                "{\"CVE_Items\": []}",
                "{\"vulnerabilities\": {}}",
                "{\"vulnerabilities\": null}",
                "{\"vulnerabilities\": [{}]}",
                "{\"vulnerabilities\": [7]}",
                "{\"facts\": {}}",
                "{\"facts\": [{}]}",
                "{\"facts\": [7]}",
                "<html></html>",
                "# CVE-2026-10001",
                "\u0000\u0001\u0002",
                "{\"a\": NaN}",
                "{'a': 1}",
                "{\"a\": 1,}",
                "{\"a\": abc\u001b}"
            })
    void whatIsNoFeedIsRefused(String text) throws IOException {
        refusedAsFeed(file("feed.json", text), "");
    }

    @Test
    void aFormatToComeIsRefusedByItsName() throws IOException {
        refusedAsFeed(
                file("record.json", SmallFeeds.RECORD.replace("\"5.2\"", "\"6.0\"")),
                "a CVE record of format 6.0; known is 5");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[", "{\"a\":", "{\"linux\":{\"CVE-2026-10001\":", "{\"facts\":[["})
    void aDocumentNestedEndlesslyIsRefused(String level) throws IOException {
        refusedAsFeed(file("feed.json", level.repeat(100_000)), "");
    }

    @Test
    void whatIsNestedDeepButEndsIsRefusedAsWell() throws IOException {
        String deep = "[".repeat(5_000) + "]".repeat(5_000);
        refusedAsFeed(
                file(
                        "record.json",
                        SmallFeeds.RECORD.replace(
                                "\"containers\": {", "\"containers\": {\"x\": " + deep + ",")),
                "");
        refusedAsFeed(file("other.json", SmallFeeds.NVD.replace("{", "{\"x\": " + deep + ",")), "");
    }

    static List<String> pairsOfKinds() {
        return List.of(
                body(SmallFeeds.RECORD) + "," + body(SmallFeeds.EXPLOITED),
                body(SmallFeeds.TRACKER) + "," + body(SmallFeeds.OWN_FACTS),
                body(SmallFeeds.NVD) + "," + body(SmallFeeds.TRACKER),
                body(SmallFeeds.OWN_FACTS) + "," + body(SmallFeeds.RECORD),
                "\"vulnerabilities\": [{\"cveID\": \"CVE-2026-10001\"},"
                        + " {\"cve\": {\"id\": \"CVE-2026-10001\"}}]");
    }

    private static String body(String feed) {
        return feed.substring(feed.indexOf('{') + 1, feed.lastIndexOf('}'));
    }

    @ParameterizedTest
    @MethodSource("pairsOfKinds")
    void twoKindsInOneDocumentAreRefused(String members) throws IOException {
        refusedAsFeed(file("feed.json", "{" + members + "}"), "two kinds of feeds in one document");
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void whatStandsBehindTheDocumentIsNotReadOver(Kind kind) throws IOException {
        String feed = requireNonNull(SmallFeeds.ofEachKind().get(kind));
        refusedAsFeed(file("twice.json", feed + "\n" + feed), "more than one JSON document");
        refusedAsFeed(file("more.json", feed + " []"), "more than one JSON document");
        refusedAsFeed(file("brace.json", feed + "}"), "");
        assertThat(read(file("blank.json", feed + "\n \t\r\n")).origins()).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"files\": [\"../a.c\"]",
                "\"files\": [\"/a.c\"]",
                "\"files\": [\"a.c\", \"a\\u0007.c\"]",
                "\"files\": [{}]",
                "\"files\": []",
                "\"files\": {}",
                "\"no\": []",
                "\"files\": [\"a.c\"], \"fixedIn\": \"\"",
                "\"files\": [\"a.c\"], \"fixedIn\": \"six\u00a0one\"",
                "\"files\": [\"a.c\"], \"fixedIn\": \"6.1 176\"",
                "\"files\": [\"a.c\"], \"fixedIn\": null",
                "\"files\": [\"a.c\"], \"id\": \"CVE-1\""
            })
    void aFactOfOnesOwnThatIsNotWholeIsRefused(String members) throws IOException {
        // Of two members of one name the last is taken.
        refusedAsFeed(
                file(
                        "facts.json",
                        "{\"schemaVersion\": 1, \"facts\": [{\"id\": \"CVE-2026-10001\", \"fixedIn\":"
                                + " \"6.1.176-1\", "
                                + members
                                + "}]}"),
                "a fact ");
    }

    @Test
    void aVersionOfTheTrackerThatIsNoneIsNoFix() throws IOException {
        FeedFacts facts =
                read(
                        file(
                                "tracker.json",
                                SmallFeeds.TRACKER.replace("6.1.176-1", "6.1.176-1; rm -rf")));
        assertThat(facts.tracked().get(ONE)).allSatisfy(line -> assertThat(line.fixed()).isEmpty());
    }

    @Test
    void aFileThatIsNotThereIsAFaultOfTheCall() {
        refused(
                "RBL-FEED-PLACE",
                ExitStatus.USAGE,
                temp.resolve("missing.json"),
                "there is no such file or folder");
        assertThat(ExitStatus.USAGE.code()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\u0000b", "CVE-2026-10001", "HTTPS://example.org/feed.json"})
    void whatIsNoPlaceIsAFaultOfTheCall(String place) {
        assertThatThrownBy(() -> Feeds.read(List.of(place), temp, Progress.SILENT))
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e -> {
                            assertThat(e.status()).isEqualTo(ExitStatus.USAGE);
                            assertThat(e.problems().getFirst().code()).isEqualTo("RBL-FEED-PLACE");
                        });
    }

    @Test
    void aFolderIsReadWithAllBelowItAndWhatIsNotOfTheKernelIsPassedOver() throws IOException {
        Path folder = temp.resolve("vulns");
        file("vulns/2026/10xxx/CVE-2026-10001.json", SmallFeeds.RECORD);
        Path newest = file("vulns/2026/CVE-2026-10002.json", SmallFeeds.record("CVE-2026-10002"));
        Files.setLastModifiedTime(newest, FileTime.from(DATE.plusSeconds(60)));
        file("vulns/2026/CVE-2026-10003.json", "{\"product\": \"bash\", not even JSON");
        file("vulns/2026/CVE-2026-10004.mbox", SmallFeeds.record("CVE-2026-10004"));
        List<String> steps = new java.util.ArrayList<>();
        FeedFacts facts = Feeds.read(List.of(folder.toString()), temp.resolve("cache"), steps::add);
        assertThat(facts.records()).containsOnlyKeys(ONE, TWO);
        assertThat(facts.warnings()).isEmpty();
        assertThat(facts.origins())
                .containsExactly(
                        new FeedFacts.Origin(
                                folder.toString(),
                                Kind.CVE_RECORDS,
                                DATE.plusSeconds(60).toString()));
        assertThat(steps).singleElement().asString().contains(folder.toString());
    }

    @Test
    void ofAFolderWithABadFileTheRestIsReadAndTheFileIsNamed() throws IOException {
        Path folder = temp.resolve("vulns");
        file("vulns/good.json", SmallFeeds.RECORD);
        file("vulns/sub/bad.json", SmallFeeds.RECORD.substring(0, 900));
        FeedFacts facts = read(folder);
        assertThat(facts.records()).containsOnlyKeys(ONE);
        assertThat(facts.warnings())
                .singleElement()
                .asString()
                .startsWith(folder + ": 1 file(s) left out, being no JSON, or not all of it")
                .endsWith(": sub/bad.json");
    }

    @Test
    void ofManyBadFilesOfOneKindAFewAreNamed() throws IOException {
        Path folder = temp.resolve("vulns");
        file("vulns/good.json", SmallFeeds.RECORD);
        for (int i = 1; i <= 5; i++) {
            file("vulns/" + i + ".json", SmallFeeds.RECORD.replace("\"5.2\"", "\"6.0\""));
        }
        assertThat(read(folder).warnings())
                .containsExactly(
                        folder
                                + ": 5 file(s) left out, being a CVE record of format 6.0; known is"
                                + " 5: 1.json, 2.json, 3.json, …");
    }

    @Test
    void aFolderThatIsEmptyOrHasNothingOfTheKernelIsRefused() throws IOException {
        Path folder = Files.createDirectory(temp.resolve("empty"));
        refusedAsFeed(folder, "is a folder without any CVE record of the kernel");
        file("empty/README.json", "{\"product\": \"bash\"}");
        refusedAsFeed(folder, "is a folder without any CVE record of the kernel");
    }

    @Test
    void aFolderOfBadFilesOnlyIsRefusedWithTheReason() throws IOException {
        file("bad/1.json", SmallFeeds.RECORD.replace("\"5.2\"", "\"6.0\""));
        refusedAsFeed(temp.resolve("bad"), "a CVE record of format 6.0");
    }

    @Test
    void aLinkInAFolderIsNotFollowed() throws IOException {
        Path secret = file("secret.json", SmallFeeds.record("CVE-2026-10002"));
        file("vulns/good.json", SmallFeeds.RECORD);
        Files.createSymbolicLink(temp.resolve("vulns/link.json"), secret);
        Files.createSymbolicLink(temp.resolve("vulns/loop"), temp.resolve("vulns"));
        assertThat(read(temp.resolve("vulns")).records()).containsOnlyKeys(ONE);
    }

    @Test
    void aFileLargerThanAnyRecordIsLeftOutOfAFolder() throws IOException {
        file("vulns/good.json", SmallFeeds.RECORD);
        file("vulns/huge.json", SmallFeeds.record("CVE-2026-10002") + " ".repeat(17 << 20));
        FeedFacts facts = read(temp.resolve("vulns"));
        assertThat(facts.records()).containsOnlyKeys(ONE);
        assertThat(facts.warnings())
                .singleElement()
                .asString()
                .contains("larger than a CVE record")
                .contains("huge.json");
    }

    @Test
    void aTableOfFactsOfASchemaToComeIsRefused() throws IOException {
        Path table = file("facts.json", "{\"schemaVersion\":99,\"facts\":[]}");
        assertThatThrownBy(() -> read(table)).hasMessageContaining("schemaVersion 99");
    }

    @Test
    void anEmptyListIsAFeedOfItsKind() throws IOException {
        assertThat(
                        read(file("kev.json", "{\"catalogVersion\":\"1\",\"vulnerabilities\":[]}"))
                                .exploited())
                .isPresent();
    }

    @Test
    void anotherKindOfFeedInAFolderCountsAsWhatItIs() throws IOException {
        Path folder = java.nio.file.Files.createDirectories(file("x", "").resolveSibling("mixed"));
        java.nio.file.Files.writeString(
                folder.resolve("kev.json"),
                "{\"title\":\"Linux\",\"catalogVersion\":\"1\",\"vulnerabilities\":[{\"cveID\":\"CVE-2026-1000\"}]}");
        assertThat(read(folder).exploited()).isPresent();
    }
}
