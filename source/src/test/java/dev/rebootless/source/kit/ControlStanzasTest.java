package dev.rebootless.source.kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.kernel.DebianVersion;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ControlStanzasTest {
    private static final int ROUNDS = 5_000;

    @Test
    void stanzasFieldsAndContinuationsAreRead() {
        List<Map<String, String>> stanzas =
                ControlStanzas.parse(
                        "Package: a\nDescription: one\n two\n .\n\n\nPackage: b\nVersion: 1:2-3\n",
                        "test");
        assertThat(stanzas)
                .containsExactly(
                        Map.of("package", "a", "description", "one\ntwo\n."),
                        Map.of("package", "b", "version", "1:2-3"));
    }

    @Test
    void whatIsNoControlDataIsRefusedAndNamesTheLine() {
        assertThatThrownBy(() -> ControlStanzas.parse("Package: a\nnonsense\n", "test"))
                .hasMessageContaining("RBL-PACKAGE: test:2");
        assertThatThrownBy(() -> ControlStanzas.parse(" Package: a\n", "test"))
                .hasMessageContaining("test:1");
        assertThatThrownBy(() -> ControlStanzas.parse("A: b\na: c\n", "test"))
                .hasMessageContaining("twice");
    }

    @Test
    void alternativesBoundsAndArchitecturesOfDependenciesAreRead() {
        List<Dependency> found =
                Dependency.parse(
                        "linux-kbuild-6.1 (>= 6.1.192-2), aa:any | bb (= 1), ${misc:Depends}, cc [arm64], gcc-12");
        assertThat(found.stream().map(Dependency::name))
                .containsExactly("linux-kbuild-6.1", "aa", "bb", "gcc-12");
        assertThat(found.getFirst().admits(new DebianVersion("6.1.192-2"))).isTrue();
        assertThat(found.getFirst().admits(new DebianVersion("6.1.192-1"))).isFalse();
        assertThat(found.getLast().admits(new DebianVersion("1"))).isTrue();
    }

    @Test
    void aSignedImageIsBuiltFromWhatBuiltUsingSays() {
        PackageRecord signed =
                PackageRecord.of(
                        Map.of(
                                "package", "linux-image-6.1.0-56-amd64",
                                "version", "6.1.192-2",
                                "architecture", "amd64",
                                "source", "linux-signed-amd64 (6.1.192+2)",
                                "built-using", "linux (= 6.1.192-2)"),
                        1,
                        "0".repeat(64));
        assertThat(signed.source()).hasToString("linux-signed-amd64 6.1.192+2");
        assertThat(signed.builtFrom()).hasToString("linux 6.1.192-2");
    }

    @Test
    void mutationsOfWhatAptPrintsAreReadOrRefused() {
        byte[] real =
                Subprocess.of(
                                "apt-cache",
                                "show",
                                "linux-image-amd64",
                                "linux-source-6.1",
                                "gcc-12")
                        .run()
                        .out()
                        .getBytes(StandardCharsets.UTF_8);
        assertThat(real.length).isGreaterThan(1000);
        byte[] start = java.util.Arrays.copyOf(real, Math.min(real.length, 6000));
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        int read = 0;
        for (int round = 0; round < ROUNDS; round++) {
            byte[] mutant = start.clone();
            for (int i = 1 + random.nextInt(8); i > 0; i--) {
                mutant[random.nextInt(mutant.length)] =
                        random.nextInt(3) == 0
                                ? (byte) "\n :(),|\0".charAt(random.nextInt(8))
                                : (byte) random.nextInt(256);
            }
            read += readOrRefused(new String(mutant, StandardCharsets.UTF_8)) ? 1 : 0;
        }
        // Most bytes are in descriptions, where anything may stand: both ways are taken.
        assertThat(read).isBetween(1, ROUNDS - 1);
    }

    @FuzzTest(maxDuration = "20s")
    void anyTextIsReadOrRefused(byte[] data) {
        readOrRefused(new String(data, StandardCharsets.UTF_8));
    }

    private static boolean readOrRefused(String text) {
        try {
            for (Map<String, String> stanza : ControlStanzas.parse(text, "fuzz")) {
                PackageRecord.fromApt(stanza).ifPresent(PackageRecord::fileName);
            }
            return true;
        } catch (RebootlessException e) {
            assertThat(e.problems().getFirst().code()).startsWith("RBL-PACKAGE");
            return false;
        }
    }
}
