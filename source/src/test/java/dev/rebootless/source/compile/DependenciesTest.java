package dev.rebootless.source.compile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DependenciesTest {
    private static final String RULE =
            "/build/out/unit.o: fs/a.c include/b.h ./arch/x86/include/asm/c.h \\\n"
                    + " fs/../include/b.h /build/linux/include/d.h \\\n"
                    + " /usr/lib/gcc/x86_64-linux-gnu/12/include/stdarg.h ../out/e.h /dev/null\n";

    @TempDir Path folder;

    @Test
    void theFilesOfTheTreeAreTakenAndNoOthers() throws IOException {
        assertThat(read(RULE).files())
                .containsExactly(
                        "arch/x86/include/asm/c.h", "fs/a.c", "include/b.h", "include/d.h");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "unit.o", "unit.o: ", "unit.o: /usr/include/x.h\n", "a: b\0c\n"})
    void whatIsNoRuleWithFilesOfTheTreeIsNotTakenForOne(String rule) {
        assertThatThrownBy(() -> read(rule)).isInstanceOf(IOException.class);
    }

    @Test
    void damagedRulesAreReadOrRefused() throws IOException {
        long seed = 5;
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        int readable = 0;
        for (int round = 0; round < 2_000; round++) {
            byte[] rule = RULE.getBytes(StandardCharsets.ISO_8859_1);
            for (int n = random.nextInt(6); n >= 0; n--) {
                rule[random.nextInt(rule.length)] = (byte) random.nextInt(256);
            }
            try {
                readable +=
                        Dependencies.ofRule(Files.write(folder.resolve("d"), rule)).files().size();
            } catch (IOException e) {
                // The one way to say no.
            }
        }
        assertThat(readable).isPositive();
    }

    private Dependencies read(String rule) throws IOException {
        return Dependencies.ofRule(Files.writeString(folder.resolve("unit.d"), rule));
    }
}
