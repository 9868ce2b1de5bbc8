package dev.rebootless.elf.x86;

import com.code_intelligence.jazzer.junit.FuzzTest;
import org.junit.jupiter.api.Tag;

/**
 * For guided fuzzing with JAZZER_FUZZ=1. Otherwise it runs once, on no bytes, for which starting
 * Jazzer is not worth the seconds; hence the tag.
 */
@Tag("long")
class X86DecoderFuzzTest {
    @FuzzTest(maxDuration = "1m")
    void anyBytesAreCoveredByInstructions(byte[] code) {
        RandomBytesDecodingTest.checkEveryInstruction(code, 0, code.length);
    }
}
