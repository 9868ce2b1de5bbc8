package dev.rebootless.livepatch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ObjtoolWarningsTest {
    @Test
    void aBodyWithoutEndbrIsAllowedWhereTheDescriptorPointsAtIt() {
        String said =
                """
                /build/out/livepatch.o: warning: objtool: .data.livepatch+0x1a8: data relocation to !ENDBR: f.isra.0+0x0
                /build/out/livepatch.o: warning: objtool: rebootless_patch+0x60: data relocation to !ENDBR: g+0x0
                """;
        assertThat(ObjtoolWarnings.of(said, Set.of("f.isra.0", "g"))).isEmpty();
        assertThat(ObjtoolWarnings.of(said, Set.of("g"))).hasSize(1);
        assertThat(ObjtoolWarnings.of("", Set.of("g"))).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "livepatch.o: warning: objtool: __this_module+0x138: data relocation to !ENDBR: f+0x0",
                "livepatch.o: warning: objtool: .data+0x8: data relocation to !ENDBR: f+0x0",
                "livepatch.o: warning: objtool: .data.livepatch+0x8: data relocation to !ENDBR: f+0x4",
                "livepatch.o: warning: objtool: .data.livepatch+0x8: data relocation to !ENDBR: f+0x0 and more",
                "livepatch.o: warning: objtool: f+0x12: relocation to !ENDBR: g+0x0",
                "livepatch.o: warning: objtool: f() falls through to next function g()",
                "anything else"
            })
    void whatElseObjtoolSaysCounts(String line) {
        assertThat(ObjtoolWarnings.of(line, Set.of("f", "g"))).containsExactly(line);
    }
}
