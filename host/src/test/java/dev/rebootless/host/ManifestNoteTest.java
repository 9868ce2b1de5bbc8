package dev.rebootless.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.Manifest.TargetObject;
import dev.rebootless.manifest.ManifestJson;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ManifestNoteTest {
    private static final Manifest MANIFEST =
            Manifests.of(
                    "two-fixes",
                    true,
                    List.of("CVE-2026-1", "CVE-2026-2"),
                    List.of("fs/file.c: \"quoted\" and ünicode \u0001"),
                    List.of(
                            Manifests.target("vmlinux", "one", "two"),
                            new TargetObject("nf_tables", Optional.empty(), List.of())));

    @Test
    void aManifestIsReadAsTheBuilderReadsIt() {
        String json = ManifestJson.compact(MANIFEST);
        assertThat(ManifestNote.parse(json))
                .isEqualTo(MANIFEST)
                .isEqualTo(ManifestJson.parse(json));
    }

    @Test
    void fieldsThatAreNotKnownAreIgnored() {
        String json = ManifestJson.compact(MANIFEST).replaceFirst("\\{", "{\"later\":[{}],");
        assertThat(ManifestNote.parse(json)).isEqualTo(MANIFEST);
    }

    /** Each is wrong in another way. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "null",
                "[]",
                "{",
                "{\"schemaVersion\":1}",
                "{\"schemaVersion\":\"1\"}",
                "{\"schemaVersion\":1.5}",
                "{\"schemaVersion\":2}",
                "{\"schemaVersion\":1,\"kernel\":[]}",
                "{\"schemaVersion\":1,\"kernel\":{},\"name\":3}"
            })
    void whatIsNoManifestIsRefused(String json) {
        requireRefused(json);
    }

    @Test
    void aManifestThatIsCutAnywhereIsRefused() {
        String json = ManifestJson.compact(MANIFEST);
        for (int length = 0; length < json.length(); length++) {
            requireRefused(json.substring(0, length));
        }
    }

    @Test
    void aManifestThatIsNestedTooDeeplyIsRefused() {
        requireRefused("{\"x\":" + "[".repeat(1_000_000));
    }

    /** Whatever a foreign module has there: it is a manifest, or it is refused. */
    @Test
    void aManifestWithBytesChangedAtRandomIsReadOrRefused() {
        long seed = System.nanoTime();
        System.err.println("seed " + seed);
        Random random = new Random(seed);
        String json = ManifestJson.compact(MANIFEST);
        for (int round = 0; round < 20_000; round++) {
            StringBuilder changed = new StringBuilder(json);
            for (int i = random.nextInt(4); i >= 0; i--) {
                changed.setCharAt(random.nextInt(json.length()), (char) random.nextInt(1, 128));
            }
            try {
                assertThat(ManifestNote.parse(changed.toString()).schemaVersion()).isEqualTo(1);
            } catch (RebootlessException e) {
                assertThat(e.problems().getFirst().code()).isEqualTo("RBL-MANIFEST");
            }
        }
    }

    private static void requireRefused(String json) {
        assertThatThrownBy(() -> ManifestNote.parse(json))
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e -> assertThat(e.problems().getFirst().code()).isEqualTo("RBL-MANIFEST"));
    }
}
