package dev.rebootless.trust.tuf;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;

/**
 * Metadata are read before anybody knows who signed them. For guided fuzzing with JAZZER_FUZZ=1;
 * otherwise it runs once, on no bytes, for which starting Jazzer is not worth the seconds.
 */
@Tag("long")
class MetadataFuzzTest {
    /**
     * Whoever prints first makes surefire look for its classes. The thread in which jazzer's agent
     * is attached cannot find them.
     */
    @BeforeAll
    static void printFirst() {
        System.out.println("fuzzing metadata");
    }

    @FuzzTest(maxDuration = "10s")
    void anyBytesAreMetadataOrRefused(byte[] data) {
        for (TufRole role : TufRole.values()) {
            try {
                SignedMetadata read = SignedMetadata.read(data, "fuzz", role);
                // What is read is written, and read again, as the same.
                assertThat(SignedMetadata.read(read.bytes(), "again", role)).isEqualTo(read);
            } catch (TufFault e) {
                assertThat(e.attack()).isEqualTo(TufFault.Attack.MALFORMED);
            }
        }
    }
}
