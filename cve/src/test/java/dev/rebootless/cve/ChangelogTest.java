package dev.rebootless.cve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.DebianVersion;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Changelogs as Debian's kernel team writes them, and what is none. */
class ChangelogTest {
    /** A suite that rebuilds another's uploads: each rebuild stands above what it is made from. */
    private static final String REBUILT =
            """
            linux-6.12 (6.12.111-1~deb12u1) bookworm-security; urgency=high

              * Rebuild for bookworm

             -- A Maintainer <a@example.org>  Sat, 14 Nov 2026 13:56:01 +0100

            linux (6.12.111-1) trixie-security; urgency=high

              * New upstream stable update:
                - erofs: one (CVE-2026-11101)

             -- A Maintainer <a@example.org>  Fri, 13 Nov 2026 21:01:12 +0100

            linux (6.12.109-1) trixie; urgency=medium

              * New upstream stable update:
                - erofs: two (CVE-2026-10901)

             -- A Maintainer <a@example.org>  Fri, 06 Nov 2026 21:01:12 +0100

            linux-6.12 (6.12.107-1~deb12u1) bookworm-security; urgency=high

              * Rebuild for bookworm

             -- A Maintainer <a@example.org>  Sat, 10 Oct 2026 13:56:01 +0100

            linux (6.12.107-1) trixie-security; urgency=high

              * New upstream stable update:
                - erofs: three (CVE-2026-10701)

             -- A Maintainer <a@example.org>  Fri, 09 Oct 2026 21:01:12 +0100

            linux (6.12.105-1) trixie-security; urgency=high

              * New upstream stable update:
                - erofs: four (CVE-2026-10501)

             -- A Maintainer <a@example.org>  Fri, 02 Oct 2026 21:01:12 +0100
            """;

    private static Changelog parsed(String text) {
        return Changelog.parse(text, "changelog.gz");
    }

    /** The entries of an upload with these lines. */
    private static List<Changelog.Entry> entries(String items) {
        Changelog changelog =
                parsed(
                        "linux (6.1.170-3) bookworm-security; urgency=high\n\n"
                                + items
                                + "\n -- A Maintainer <a@example.org>  Fri, 02 Oct 2026 21:01:12 +0100\n");
        assertThat(changelog.uploads()).hasSize(1);
        return changelog.uploads().getFirst().entries();
    }

    private static DebianVersion version(String text) {
        return new DebianVersion(text);
    }

    private static List<String> between(String after, String upTo) {
        return parsed(REBUILT).between(version(after), version(upTo)).stream()
                .map(u -> u.version().text())
                .toList();
    }

    private static CveId id(String text) {
        return new CveId(text);
    }

    @Test
    void readDownToAnUploadItHasThatUploadToItsEndAndNothingOlder() {
        List<Changelog.Upload> all = parsed(REBUILT).uploads();
        for (int i = 0; i < all.size(); i++) {
            assertThat(
                            Changelog.parseDownTo(REBUILT, "changelog.gz", all.get(i).version())
                                    .uploads())
                    .isEqualTo(all.subList(0, i + 1));
        }
        assertThat(Changelog.parseDownTo(REBUILT, "changelog.gz", version("1.0-1")).uploads())
                .isEqualTo(all);
    }

    @Test
    void uploadsStandInTheirOrderWithPackageVersionAndSuite() {
        Changelog changelog = parsed(REBUILT);
        assertThat(changelog.uploads())
                .extracting(u -> u.source() + " " + u.version() + " " + u.suite())
                .containsExactly(
                        "linux-6.12 6.12.111-1~deb12u1 bookworm-security",
                        "linux 6.12.111-1 trixie-security",
                        "linux 6.12.109-1 trixie",
                        "linux-6.12 6.12.107-1~deb12u1 bookworm-security",
                        "linux 6.12.107-1 trixie-security",
                        "linux 6.12.105-1 trixie-security");
        assertThat(changelog.newest()).isEqualTo(version("6.12.111-1~deb12u1"));
        assertThat(changelog.uploads().getFirst().entries())
                .extracting(Changelog.Entry::title)
                .containsExactly("Rebuild for bookworm");
        assertThat(changelog.uploads().getLast().entries().getLast().cves())
                .containsExactly(id("CVE-2026-10501"));
    }

    @Test
    void anUploadWithoutTheLineThatEndsItIsReadAllTheSame() {
        Changelog changelog =
                parsed(
                        """
                        linux (6.1.2-1) sid; urgency=low
                          * a (CVE-2026-1001)
                        linux (6.1.1-1) UNRELEASED; urgency=low
                          * b (CVE-2026-1002)\
                        """);
        assertThat(changelog.uploads())
                .extracting(u -> u.version() + " " + u.entries().getFirst().cves())
                .containsExactly("6.1.2-1 [CVE-2026-1001]", "6.1.1-1 [CVE-2026-1002]");
    }

    @Test
    void itemsOfAllThreeLevelsAreEntries() {
        assertThat(
                        entries(
                                """
                                  [ A Maintainer ]
                                  * New upstream stable update:
                                    - net: a thing (CVE-2026-1001)
                                      + net: a thing of it (CVE-2026-1002)
                                      + net: another
                                    - fs: a thing
                                  * debian/config: Enable it
                                """))
                .extracting(e -> e.title() + " " + e.cves())
                .containsExactly(
                        "New upstream stable update: []",
                        "net: a thing [CVE-2026-1001]",
                        "net: a thing of it [CVE-2026-1002]",
                        "net: another []",
                        "fs: a thing []",
                        "debian/config: Enable it []");
    }

    @Test
    void aTitleWrappedOverLinesIsOneWithItsIdsFromEveryLine() {
        assertThat(
                        entries(
                                """
                                  * ipv4: account for fraggap on the paged
                                    allocation path
                                    (CVE-2026-1001)
                                    - KVM: arm64: Transfer the hyp stack pages out of the host
                                      stage-2 (CVE-2026-1002,
                                      CVE-2026-1003)
                                      + one
                                        more
                                """))
                .extracting(e -> e.title() + " " + e.cves())
                .containsExactly(
                        "ipv4: account for fraggap on the paged allocation path [CVE-2026-1001]",
                        "KVM: arm64: Transfer the hyp stack pages out of the host stage-2"
                                + " [CVE-2026-1002, CVE-2026-1003]",
                        "one more []");
    }

    @Test
    void idsAndBugNumbersAreNoPartOfATitleWhereverTheyStand() {
        assertThat(
                        entries(
                                """
                                  * a (CVE-2026-1001, CVE-2026-1002) (Closes: #1154101, #1154102)
                                  * b (Closes: #1154103)
                                  * c (CVE-2026-1003) and its test (of 2026)
                                  * d (regression in 6.1.170)
                                  * e CVE-2026-1004
                                """))
                .extracting(e -> e.title() + " " + e.cves())
                .containsExactly(
                        "a [CVE-2026-1001, CVE-2026-1002]",
                        "b []",
                        "c and its test (of 2026) [CVE-2026-1003]",
                        "d (regression in 6.1.170) []",
                        "e CVE-2026-1004 [CVE-2026-1004]");
    }

    @Test
    void anAddressBetweenItemsContinuesNone() {
        List<Changelog.Entry> entries =
                entries(
                        """
                          * [arm64] New upstream stable update:
                            - net: before (CVE-2026-1001)
                            https://www.kernel.org/pub/linux/kernel/v6.x/ChangeLog-6.1.171
                            - net: after (CVE-2026-1002)
                        """);
        assertThat(entries)
                .extracting(e -> e.title() + " " + e.cves() + " " + e.only())
                .containsExactly(
                        "New upstream stable update: [] [arm64]",
                        "net: before [CVE-2026-1001] [arm64]",
                        "net: after [CVE-2026-1002] [arm64]");
    }

    @Test
    void anEmptyLineEndsAnItem() {
        assertThat(entries("  * a\n\n    (CVE-2026-1001)\n  * b\n   \n    c\n"))
                .extracting(e -> e.title() + " " + e.cves())
                .containsExactly("a []", "b []");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    arm64                | false
                    arm64,armhf          | false
                    s390x                | false
                    powerpc*             | false
                    i386                 | false
                    arm64/cloud-arm64    | false
                    armel/marvell        | false
                    x86                  | true
                    amd64                | true
                    amd64,arm64          | true
                    arm64, amd64         | true
                    arm64,x86            | true
                    alpha,hppa,x86       | true
                    cloud                | true
                    rt                   | true
                    amd64/cloud-amd64    | true
                    arm64,amd64,i386     | true
                    """)
    void aTagSaysWhether64BitX86IsMeant(String tag, boolean reaches) {
        List<Changelog.Entry> entries = entries("  * [" + tag + "] a title (CVE-2026-1001)\n");
        assertThat(entries)
                .singleElement()
                .satisfies(e -> assertThat(e.title()).isEqualTo("a title"))
                .satisfies(e -> assertThat(e.cves()).containsExactly(id("CVE-2026-1001")))
                .satisfies(e -> assertThat(e.only()).containsExactlyInAnyOrder(tag.split(", ?")))
                .satisfies(e -> assertThat(e.reachesAmd64()).isEqualTo(reaches));
    }

    @Test
    void aTagHoldsForWhatStandsBelowItAndNoFurther() {
        assertThat(
                        entries(
                                """
                                  * [arm64,armhf] ARM things:
                                    - below
                                      + further below
                                    - [x86] its own
                                      + below its own
                                    - [s390x] a title that is wrapped over
                                      two lines
                                    - beside it
                                  * no tag
                                    - below none
                                """))
                .extracting(e -> e.title() + " " + e.reachesAmd64())
                .containsExactly(
                        "ARM things: false",
                        "below false",
                        "further below false",
                        "its own true",
                        "below its own true",
                        "a title that is wrapped over two lines false",
                        "beside it false",
                        "no tag true",
                        "below none true");
    }

    @Test
    void anUploadInheritsNoTagOfTheOneAboveIt() {
        Changelog changelog =
                parsed(
                        """
                        linux (6.1.2-1) sid; urgency=low
                          * [arm64] a
                        linux (6.1.1-1) sid; urgency=low
                            - b
                        """);
        assertThat(changelog.uploads().getLast().entries())
                .singleElement()
                .satisfies(e -> assertThat(e.only()).isEmpty());
    }

    @Test
    void betweenTwoVersionsIsWhatStandsAboveTheFirstFromTheSecondOn() {
        assertThat(between("6.12.107-1~deb12u1", "6.12.111-1~deb12u1"))
                .containsExactly("6.12.111-1~deb12u1", "6.12.111-1", "6.12.109-1");
        assertThat(between("6.12.105-1", "6.12.109-1"))
                .containsExactly("6.12.109-1", "6.12.107-1~deb12u1", "6.12.107-1");
    }

    @Test
    void aRebuildBringsNothingButItself() {
        assertThat(between("6.12.107-1", "6.12.107-1~deb12u1"))
                .containsExactly("6.12.107-1~deb12u1");
        assertThat(between("6.12.111-1", "6.12.111-1~deb12u1"))
                .containsExactly("6.12.111-1~deb12u1");
    }

    @Test
    void betweenAVersionAndItselfOrAnOlderOneIsNothing() {
        assertThat(between("6.12.109-1", "6.12.109-1")).isEmpty();
        assertThat(between("6.12.111-1", "6.12.107-1")).isEmpty();
        assertThat(between("6.12.120-1", "6.12.106-1")).isEmpty();
    }

    @Test
    void ofAVersionThatIsNotInTheFileTheOrderOfVersionsDecides() {
        assertThat(between("6.12.106-1", "6.12.109-1"))
                .containsExactly("6.12.109-1", "6.12.107-1~deb12u1", "6.12.107-1");
        assertThat(between("6.12.107-1", "6.12.110-1")).contains("6.12.109-1");
        assertThat(between("6.12.108-1", "6.12.200-1"))
                .containsExactly("6.12.111-1~deb12u1", "6.12.111-1", "6.12.109-1");
        assertThat(between("6.12.1-1", "6.12.200-1")).hasSize(6);
    }

    @Test
    void aRebuildThatIsNotInTheFileIsWhatItWasRebuiltFrom() {
        assertThat(between("6.12.105-1~deb12u1", "6.12.107-1~bpo12+1"))
                .containsExactly("6.12.107-1~deb12u1", "6.12.107-1");
        assertThat(Changelog.plain(version("6.12.107-1~bpo12+1"))).hasToString("6.12.107-1");
        assertThat(Changelog.plain(version("6.12.107-1~deb12u1"))).hasToString("6.12.107-1");
        assertThat(Changelog.plain(version("6.1~rc3-1~exp1"))).hasToString("6.1~rc3-1~exp1");
    }

    @ParameterizedTest
    @CsvSource({
        "6.12.111-1, 6.12.107-1~deb12u1, 6.12.111-1~deb12u1",
        "6.12.109-1, 6.12.107-1~deb12u1, 6.12.111-1~deb12u1",
        "6.12.105-1, 6.12.99-1~deb12u3, 6.12.107-1~deb12u1",
        "6.12.111-1~deb12u1, 6.12.107-1~deb12u1, 6.12.111-1~deb12u1",
        // No rebuild asked for, or none of that suite.
        "6.12.109-1, 6.12.107-1, 6.12.109-1",
        "6.12.109-1, 6.12.107-1~bpo12+1, 6.12.109-1"
    })
    void aSuiteThatRebuildsServesAnUploadAsTheFirstRebuildAboveIt(
            String upload, String like, String served) {
        Changelog changelog = parsed(REBUILT);
        Changelog.Upload asked =
                changelog.uploads().stream()
                        .filter(u -> u.version().text().equals(upload))
                        .findFirst()
                        .orElseThrow();
        assertThat(changelog.servedAs(asked, version(like))).isEqualTo(version(served));
    }

    @Test
    void anUploadThatWasNotRebuiltYetIsServedAsItself() {
        Changelog changelog = parsed("linux (6.12.113-1) trixie; urgency=low\n  * a\n\n" + REBUILT);
        assertThat(
                        changelog.servedAs(
                                changelog.uploads().getFirst(), version("6.12.107-1~deb12u1")))
                .isEqualTo(version("6.12.113-1"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "\n\n",
                "  * an item without an upload (CVE-2026-1001)\n",
                "<!DOCTYPE html>\n<title>linux (6.1.1-1) sid; urgency=low</title>\n",
                "linux (6.1.1-1) sid urgency low\n",
                "linux (6.1.1_1) sid; urgency=low\n",
                " linux (6.1.1-1) sid; urgency=low\n"
            })
    void whatIsNoChangelogIsRefused(String text) {
        assertThatThrownBy(() -> parsed(text))
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e -> {
                            assertThat(e.status()).isEqualTo(ExitStatus.ENVIRONMENT);
                            assertThat(e.problems().getFirst().code()).isEqualTo("RBL-CHANGELOG");
                            assertThat(e.problems().getFirst().place()).isEqualTo("changelog.gz");
                        });
    }

    @Test
    void moreTextThanAnyChangelogHasIsRefused() {
        String text = REBUILT + " ".repeat(Changelog.MAX_CHARS);
        assertThatThrownBy(() -> parsed(text))
                .isInstanceOf(RebootlessException.class)
                .hasMessageContaining("RBL-CHANGELOG")
                .hasMessageContaining("64 MB");
    }

    @Test
    void ofAHugeLineTheBeginningIsRead() {
        String filler = "x".repeat(5_000_000);
        List<Changelog.Entry> entries =
                entries(
                        "  * a (CVE-2026-1001) "
                                + filler
                                + " (CVE-2026-1002)\n  * b (CVE-2026-1003)\n");
        assertThat(entries)
                .extracting(Changelog.Entry::cves)
                .containsExactly(List.of(id("CVE-2026-1001")), List.of(id("CVE-2026-1003")));
        assertThat(entries.getFirst().title()).hasSizeLessThan(5_000);
    }

    /** A reader that goes back over a line again and again would take minutes for these. */
    @ParameterizedTest
    @ValueSource(strings = {"(CVE-1", "[x", "* ", "- [", "linux (", "CVE-2026-", "9", "(", "), "})
    void longLinesOfWhatPatternsBeginWithAreReadInNoTime(String piece) {
        String line = piece.repeat(1_000_000 / piece.length());
        long start = System.nanoTime();
        List<Changelog.Entry> entries =
                entries("  * a (CVE-2026-1001)\n" + ("    - " + line + "\n").repeat(5));
        assertThat(System.nanoTime() - start).isLessThan(20_000_000_000L);
        assertThat(entries).hasSize(6);
    }

    @Test
    void aDamagedChangelogIsReadOrRefused() {
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.out.println("damaged changelogs: -Drebootless.seed=" + seed);
        Random random = new Random(seed);
        int read = 0;
        for (int round = 0; round < 2_000; round++) {
            byte[] damaged = REBUILT.getBytes(StandardCharsets.ISO_8859_1);
            for (int edit = 0; edit < 20; edit++) {
                damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
            }
            String text = new String(damaged, StandardCharsets.ISO_8859_1);
            try {
                Changelog changelog = parsed(text.substring(random.nextInt(text.length())));
                changelog.between(version("6.12.105-1"), changelog.newest());
                read++;
            } catch (RebootlessException e) {
                assertThat(e).as("seed %d", seed).hasMessageContaining("RBL-CHANGELOG");
            } catch (RuntimeException e) {
                throw new AssertionError("round " + round + ", seed " + seed, e);
            }
        }
        assertThat(read).as("seed %d", seed).isPositive();
    }
}
