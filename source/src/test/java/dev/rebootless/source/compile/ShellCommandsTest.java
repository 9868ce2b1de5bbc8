package dev.rebootless.source.compile;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ShellCommandsTest {
    @Test
    void quotesAreTakenOffAndSeparatorsSplit() {
        assertThat(ShellCommands.of("a 'b c' \"d \\\"e\\\" \\x\"; f\\ g|h&&i ''"))
                .containsExactly(
                        List.of("a", "b c", "d \"e\" \\x"),
                        List.of("f g"),
                        List.of("h"),
                        List.of("i", ""));
    }

    @Test
    void theDefinesOfKbuildComeOutAsGccGetsThem() {
        assertThat(ShellCommands.of("gcc -DKBUILD_MODNAME='\"proc\"' -DX='\\''y'"))
                .containsExactly(List.of("gcc", "-DKBUILD_MODNAME=\"proc\"", "-DX=\\y"));
    }

    @Test
    void theShellSplitsTheSameWay() {
        long seed = 99;
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        String alphabet = "ab '\"\\ x";
        StringBuilder script = new StringBuilder();
        StringBuilder expected = new StringBuilder();
        int lines = 0;
        while (lines < 300) {
            StringBuilder words = new StringBuilder();
            for (int i = random.nextInt(12); i >= 0; i--) {
                words.append(alphabet.charAt(random.nextInt(alphabet.length())));
            }
            String line = "printf '<%s>' " + words;
            long single = words.chars().filter(c -> c == '\'').count();
            long other = words.chars().filter(c -> c == '"' || c == '\\').count();
            // Only lines whose quotes are closed: single ones alone, or none.
            if (single % 2 != 0 || other != 0) {
                continue;
            }
            script.append(line).append('\n').append("echo\n");
            List<String> split = ShellCommands.of(line).getFirst();
            split.subList(2, split.size()).forEach(w -> expected.append('<').append(w).append('>'));
            expected.append(split.size() == 2 ? "<>\n" : "\n");
            lines++;
        }
        assertThat(
                        dev.rebootless.base.Subprocess.of("/bin/sh", "-c", script.toString())
                                .run()
                                .out())
                .isEqualTo(expected.toString());
    }
}
