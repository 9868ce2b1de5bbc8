package dev.rebootless.elf.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.elf.x86.Instruction.Kind;
import java.util.HexFormat;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NopsTest {
    private static byte[] bytes(String hex) {
        return HexFormat.of().parseHex(hex.replace(" ", ""));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "90",
                "66 90",
                "0f 1f 00",
                "0f 1f 40 00",
                "0f 1f 44 00 00",
                "66 0f 1f 44 00 00",
                "0f 1f 80 00 00 00 00",
                "0f 1f 84 00 00 00 00 00",
                "2e 0f 1f 84 00 00 00 00 00",
                "66 2e 0f 1f 84 00 00 00 00 00",
                "66 66 2e 0f 1f 84 00 00 00 00 00"
            })
    void eachOfTheKernelsNopsIsOneOfItsLengthOnly(String hex) {
        byte[] nop = bytes(hex);
        byte[] code = bytes("cc" + hex + "cc");

        assertThat(Nops.isNop(code, 1, nop.length)).isTrue();
        assertThat(Nops.isNop(code, 1, nop.length - 1)).isFalse();
        assertThat(Nops.isNop(code, 1, nop.length + 1)).isFalse();
        assertThat(Nops.isNop(code, 0, nop.length)).isFalse();
        assertThat(Nops.isJumpLabelNop(code, 1, nop.length))
                .isEqualTo(nop.length == 2 || nop.length == 5);

        Instruction instruction = X86Decoder.decode(code, 1, code.length);
        assertThat(instruction.kind()).isEqualTo(Kind.NOP);
        assertThat(instruction.length()).isEqualTo(nop.length);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "f3 90", // pause
                "eb 00", // a jump over nothing
                "90 90", // two of them
                "0f 1f 44 00 08", // another displacement
                "0f 1f 44 08 00", // another index
                "3e 8d 74 26 00", // the 32-bit kernel's
                "e8 00 00 00 00"
            })
    void otherBytesOfTheSameLengthAreNot(String hex) {
        byte[] code = bytes(hex);

        assertThat(Nops.isNop(code, 0, code.length)).isFalse();
        assertThat(Nops.isJumpLabelNop(code, 0, code.length)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 12, 15})
    void lengthsThatTheKernelHasNoNopForAreNone(int length) {
        assertThat(Nops.isNop(new byte[16], 0, length)).isFalse();
    }
}
