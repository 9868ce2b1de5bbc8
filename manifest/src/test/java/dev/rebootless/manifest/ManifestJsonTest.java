package dev.rebootless.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A manifest comes out of a module that anybody may have made. */
class ManifestJsonTest {
    private static final Manifest.Input INPUT = new Manifest.Input("n", "00");

    private static final Manifest MANIFEST =
            new Manifest(
                    Manifest.SCHEMA_VERSION,
                    "fix",
                    "livepatch_fix",
                    true,
                    List.of("CVE-2026-1"),
                    new Manifest.Kernel("6.1.0-1-amd64", "ab", "6.1.1-1", "6.1.0-1-amd64 SMP"),
                    new Manifest.Inputs(
                            List.of(INPUT), INPUT, INPUT, INPUT, INPUT, INPUT, INPUT, "tool 1"),
                    List.of(
                            new Manifest.TargetObject(
                                    "vmlinux",
                                    Optional.of("ab"),
                                    List.of(new Manifest.PatchedFunction("f", 2, "fs/f.c")))),
                    List.of("new"),
                    List.of("look"),
                    Optional.empty());

    @Test
    void aManifestGoesThroughJsonUnchanged() {
        assertThat(ManifestJson.parse(ManifestJson.compact(MANIFEST))).isEqualTo(MANIFEST);
    }

    @Test
    void theLevelOfABacklogGoesThroughJsonAndIsLeftOutWhereThereIsNone() {
        Manifest.Level level =
                new Manifest.Level(
                        "6.1.170-3",
                        "6.1.192-2",
                        3,
                        List.of("CVE-2026-1111"),
                        List.of("CVE-2026-1112"),
                        List.of("CVE-2026-1113"));
        Manifest with =
                new Manifest(
                        MANIFEST.schemaVersion(),
                        MANIFEST.name(),
                        MANIFEST.module(),
                        MANIFEST.replace(),
                        MANIFEST.cves(),
                        MANIFEST.kernel(),
                        MANIFEST.inputs(),
                        MANIFEST.objects(),
                        MANIFEST.added(),
                        MANIFEST.warnings(),
                        Optional.of(level));
        assertThat(ManifestJson.parse(ManifestJson.compact(with))).isEqualTo(with);
        assertThat(ManifestJson.compact(MANIFEST)).doesNotContain("level");
    }

    /** Each field in turn is given another name, and so is missing. */
    @Test
    void aFieldThatIsMissingIsADamagedManifestAndNoFaultOfOurs() {
        String json = ManifestJson.compact(MANIFEST);
        java.util.regex.Matcher field =
                java.util.regex.Pattern.compile("\"(\\w+)\":").matcher(json);
        int tried = 0;
        while (field.find()) {
            String without =
                    json.substring(0, field.start()) + "\"x\":" + json.substring(field.end());
            assertThatThrownBy(() -> ManifestJson.parse(without))
                    .as(field.group(1))
                    .isInstanceOfSatisfying(
                            RebootlessException.class,
                            e ->
                                    assertThat(e.problems().getFirst().code())
                                            .isEqualTo("RBL-MANIFEST"));
            tried++;
        }
        assertThat(tried).isGreaterThan(25);
    }

    @Test
    void damagedJsonIsReadOrRefusedAndNothingElse() {
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.out.println("seed " + seed + " (-Drebootless.seed)");
        Random random = new Random(seed);
        String json = ManifestJson.compact(MANIFEST);
        int refused = 0;
        for (int round = 0; round < 20_000; round++) {
            char[] text = json.toCharArray();
            for (int i = 0; i < 1 + random.nextInt(3); i++) {
                text[random.nextInt(text.length)] = "{}[]\",:0n\\ ".charAt(random.nextInt(11));
            }
            try {
                ManifestJson.parse(new String(text));
            } catch (RebootlessException e) {
                refused++;
            } catch (RuntimeException e) {
                throw new AssertionError("round " + round + " of seed " + seed, e);
            }
        }
        assertThat(refused).isGreaterThan(1000);
    }
}
