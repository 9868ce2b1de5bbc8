package dev.rebootless.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DebianVersionTest {
    private static final int PAIRS = 400;

    @Test
    void kernelVersionsAreInTheOrderInWhichTheyWereReleased() {
        List<String> ascending =
                List.of(
                        "6.1.170-3",
                        "6.1.176-1~bpo11+1",
                        "6.1.176-1",
                        "6.1.176-1+b1",
                        "6.1.192-2",
                        "6.12.7-1~deb12u1",
                        "6.12.117-1~deb12u1",
                        "6.12.117-1",
                        "1:1.0");
        assertThat(ascending.stream().map(DebianVersion::new).sorted().map(DebianVersion::text))
                .containsExactlyElementsOf(ascending);
    }

    @Test
    void randomVersionsCompareAsDpkgComparesThem() {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        List<DebianVersion> left = new ArrayList<>();
        List<DebianVersion> right = new ArrayList<>();
        StringBuilder script = new StringBuilder();
        for (int i = 0; i < PAIRS; i++) {
            DebianVersion a = random(random);
            DebianVersion b = random.nextInt(4) == 0 ? a : random(random);
            left.add(a);
            right.add(b);
            script.append(
                    "dpkg --compare-versions '%s' lt '%s' && echo -1 || { dpkg --compare-versions '%s' gt '%s' && echo 1 || echo 0; }\n"
                            .formatted(a, b, a, b));
        }
        List<String> said =
                Subprocess.of("sh", "-c", script.toString()).run().out().lines().toList();
        assertThat(said).hasSize(PAIRS);
        for (int i = 0; i < PAIRS; i++) {
            assertThat(Integer.signum(left.get(i).compareTo(right.get(i))))
                    .as("%s <=> %s", left.get(i), right.get(i))
                    .isEqualTo(Integer.parseInt(said.get(i)));
        }
    }

    /** A small alphabet, so that the pairs share long beginnings. */
    private static DebianVersion random(Random random) {
        String alphabet = "0011299a~~+.Z";
        StringBuilder text =
                new StringBuilder(random.nextInt(5) == 0 ? "1:" : "").append(random.nextInt(3));
        for (int i = random.nextInt(6); i > 0; i--) {
            text.append(alphabet.charAt(random.nextInt(alphabet.length())));
        }
        if (random.nextBoolean()) {
            text.append('-');
            for (int i = 1 + random.nextInt(4); i > 0; i--) {
                text.append(alphabet.charAt(random.nextInt(alphabet.length())));
            }
        }
        return new DebianVersion(text.toString());
    }

    @Test
    void whatIsNoVersionIsRefused() {
        for (String text : List.of("", "6.1 ", "6.1$(id)", "6.1/../x", "1".repeat(300))) {
            assertThatThrownBy(() -> new DebianVersion(text))
                    .isInstanceOf(RebootlessException.class)
                    .hasMessageContaining("RBL-PACKAGE-VERSION");
        }
    }
}
