package dev.rebootless.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class KernelConfigTest {
    private static final String SAMPLE =
            """
            #
            # Automatically generated file; DO NOT EDIT.
            #
            CONFIG_LIVEPATCH=y
            CONFIG_CIFS=m
            # CONFIG_WERROR is not set
            CONFIG_LOG_BUF_SHIFT=17
            CONFIG_CC_VERSION_TEXT="gcc-12 (Debian 12.2.0-14) \\"x\\" \\\\ 12.2.0"
            CONFIG_LOCALVERSION=""

            CONFIG_PHYSICAL_START=0x1000000
            """;

    @Test
    void valuesAreFoundBySymbol() {
        KernelConfig config = KernelConfig.parse(SAMPLE);

        assertThat(config.value("CONFIG_LIVEPATCH")).contains("y");
        assertThat(config.value("CONFIG_LOG_BUF_SHIFT")).contains("17");
        assertThat(config.value("CONFIG_CC_VERSION_TEXT"))
                .contains("gcc-12 (Debian 12.2.0-14) \"x\" \\ 12.2.0");
        assertThat(config.value("CONFIG_LOCALVERSION")).contains("");
        assertThat(config.value("CONFIG_WERROR")).isEmpty();
        assertThat(config.value("CONFIG_NEVER_HEARD_OF")).isEmpty();
        assertThat(config.isEnabled("CONFIG_LIVEPATCH")).isTrue();
        assertThat(config.isEnabled("CONFIG_CIFS")).isTrue();
        assertThat(config.isEnabled("CONFIG_WERROR")).isFalse();
        assertThat(config.isEnabled("CONFIG_LOG_BUF_SHIFT")).isFalse();
        assertThat(config.size()).isEqualTo(6);
    }

    @Test
    void differencesAreSortedAndUnsetIsTheSameAsNotMentioned() {
        KernelConfig shipped = KernelConfig.parse(SAMPLE);
        KernelConfig ours =
                KernelConfig.parse(
                        SAMPLE.replace("CONFIG_CIFS=m", "CONFIG_CIFS=y")
                                .replace("# CONFIG_WERROR is not set\n", "")
                                .replace("CONFIG_LOG_BUF_SHIFT=17\n", "# CONFIG_NEW is not set\n"));

        assertThat(shipped.differences(ours))
                .containsExactly(
                        new KernelConfig.Difference("CONFIG_CIFS", "m", "y"),
                        new KernelConfig.Difference("CONFIG_LOG_BUF_SHIFT", "17", "n"));
        assertThat(shipped).isNotEqualTo(ours);
        assertThat(shipped.differences(KernelConfig.parse(SAMPLE))).isEmpty();
        assertThat(shipped)
                .isEqualTo(KernelConfig.parse(SAMPLE))
                .hasSameHashCodeAs(KernelConfig.parse(SAMPLE));
    }

    @Test
    void theShippedOneIsReadWhole() throws Exception {
        String release = TestPackages.newestRelease("6.1", "cloud-amd64");
        KernelConfig config =
                KernelConfig.read(
                        TestPackages.file(TestPackages.image(release), "boot/config-" + release));

        assertThat(config.size()).isGreaterThan(1_000);
        assertThat(config.isEnabled("CONFIG_LIVEPATCH")).isTrue();
        assertThat(config.value("CONFIG_CC_VERSION_TEXT").orElseThrow()).contains("gcc");
    }

    @Test
    void aBadLineIsRefusedWithItsNumber() {
        for (String bad : List.of("LIVEPATCH=y", "CONFIG_X", "CONFIG_=y", "=y", "CONFIG_CIFS=y")) {
            assertThatThrownBy(() -> KernelConfig.parse(SAMPLE + bad + "\n"))
                    .as(bad)
                    .isInstanceOfSatisfying(
                            RebootlessException.class,
                            e -> {
                                assertThat(e.problems().getFirst().code())
                                        .isEqualTo("RBL-KERNEL-CONFIG");
                                assertThat(e.problems().getFirst().place()).isEqualTo(".config:12");
                            });
        }
    }

    @Test
    void damagedFilesAreReadOrRefusedAndNothingElse() {
        byte[] bytes = SAMPLE.getBytes(StandardCharsets.US_ASCII);
        Mutations.Outcome outcome =
                Mutations.run(
                        bytes,
                        bytes.length,
                        20_000,
                        damaged ->
                                KernelConfig.parse(new String(damaged, StandardCharsets.ISO_8859_1))
                                        .value("CONFIG_CC_VERSION_TEXT"));
        assertThat(outcome.refused()).isGreaterThan(2_000);
        assertThat(outcome.slowest()).isLessThan(Duration.ofSeconds(5));
    }
}
