package dev.rebootless.source.kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.kernel.KernelConfig;
import dev.rebootless.source.sandbox.ProgramRoot;
import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

class ConfigCheckTest {
    @Test
    void aPreparedTreeHasTheShippedConfigurationButForTheListedSymbols() throws IOException {
        Kit kit = UserKit.newest();
        KernelConfig shipped = KernelConfig.read(kit.config());
        KernelConfig prepared = KernelConfig.read(kit.tree().resolve(".config"));
        assertThatCode(() ->
                        ConfigCheck.requireEqual(
                                shipped, prepared, ConfigCheck.DROPPED_FROM_BOOT, "x"))
                .doesNotThrowAnyException();
        // Each entry of the list is needed.
        assertThat(shipped.differences(prepared).stream().map(KernelConfig.Difference::symbol))
                .isSubsetOf(
                        ConfigCheck.DROPPED_FROM_BOOT.stream()
                                .map(ConfigCheck.Allowed::symbol)
                                .toList());
        assertThat(ConfigCheck.DROPPED_FROM_BOOT).allMatch(allowed -> !allowed.reason().isBlank());
    }

    @Test
    void aSymbolThatDiffersIsRefusedByNameWithBothValues() throws IOException {
        String text = Files.readString(UserKit.newest().config());
        KernelConfig shipped = KernelConfig.parse(text);
        KernelConfig other = KernelConfig.parse(text.replace("CONFIG_HZ=250", "CONFIG_HZ=1000"));
        assertThatThrownBy(() ->
                        ConfigCheck.requireEqual(
                                shipped, other, ConfigCheck.DROPPED_FROM_BOOT, "the configuration"))
                .hasMessageContaining("RBL-CONFIG: the configuration")
                .hasMessageContaining("CONFIG_HZ is 1000 and must be 250");
    }

    @Test
    void callDepthTrackingIsKnownUnderBothItsNamesAndNotWhereItIsNotBuilt() {
        KitFacts shipped = UserKit.newest().facts();
        assertThat(withConfig(shipped, "CONFIG_CALL_DEPTH_TRACKING=y\n").callDepthTracking())
                .isTrue();
        assertThat(
                        withConfig(shipped, "CONFIG_MITIGATION_CALL_DEPTH_TRACKING=y\n")
                                .callDepthTracking())
                .isTrue();
        assertThat(
                        withConfig(
                                        shipped,
                                        "# CONFIG_MITIGATION_CALL_DEPTH_TRACKING is not set\n"
                                                + "CONFIG_MITIGATION_RETPOLINE=y\n")
                                .callDepthTracking())
                .isFalse();
        // 6.1 has none.
        assertThat(shipped.callDepthTracking()).isFalse();
    }

    /** The facts that a kit of a kernel with this configuration has. */
    private static KitFacts withConfig(KitFacts facts, String config) {
        return new KitFacts(
                facts.schemaVersion(),
                facts.release(),
                facts.buildId(),
                facts.packageVersion(),
                facts.sourcePackage(),
                facts.sourceVersion(),
                facts.packages(),
                facts.toolchain(),
                facts.compiler(),
                ConfigCheck.facts(KernelConfig.parse(config)),
                facts.vermagic(),
                facts.banner(),
                facts.imageSha256(),
                facts.makeArguments(),
                facts.diskBytes(),
                facts.created());
    }

    @Test
    void retpolinesAreAFactUnderBothTheirNames() {
        assertThat(ConfigCheck.facts(KernelConfig.parse("CONFIG_MITIGATION_RETPOLINE=y\n")))
                .containsEntry("CONFIG_MITIGATION_RETPOLINE", "y")
                .containsEntry("CONFIG_RETPOLINE", "n");
    }

    @Test
    void anotherVersionOfTheCompilerIsRefusedAndThePackageIsNamed() {
        KernelConfig config =
                KernelConfig.parse("CONFIG_CC_VERSION_TEXT=\"gcc-12 (Debian 12.1.0-9) 12.1.0\"\n");
        assertThatThrownBy(() -> KitMaker.requireCompiler(config, "gcc-12", ProgramRoot.HOST))
                .hasMessageContaining("RBL-COMPILER: gcc-12")
                .hasMessageContaining("apt-get install gcc-12=12.1.0-9");
    }

    @Test
    void aCompilerThatIsNotInstalledIsRefusedAndThePackageIsNamed() {
        KernelConfig config =
                KernelConfig.parse("CONFIG_CC_VERSION_TEXT=\"gcc-99 (Debian 99.2.0-1) 99.2.0\"\n");
        assertThatThrownBy(() -> KitMaker.requireCompiler(config, "gcc-99", ProgramRoot.HOST))
                .hasMessageContaining("RBL-COMPILER: gcc-99: is not installed")
                .hasMessageContaining("apt-get install gcc-99=99.2.0-1");
    }
}
