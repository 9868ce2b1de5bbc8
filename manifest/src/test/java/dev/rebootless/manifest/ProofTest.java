package dev.rebootless.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

class ProofTest {
    @Test
    void theVerdictMustBeThatOfTheBoots() {
        assertThat(proof(true, boot("max")).passed()).isTrue();
        assertThat(proof(false, boot("max"), boot("EPYC", "it hung")).reasons())
                .containsExactly("EPYC: it hung");
        assertThatThrownBy(() -> proof(true, boot("max", "it hung")))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> proof(true)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aProofGoesThroughJsonUnchanged() {
        Proof proof = proof(false, boot("max"), boot("EPYC", "it hung"));
        JsonMapper mapper = JsonMapper.builder().build();
        assertThat(mapper.readValue(mapper.writeValueAsString(proof), Proof.class))
                .isEqualTo(proof);
    }

    private static Proof proof(boolean passed, ProofBoot... boots) {
        return new Proof(
                "6.1.0",
                "Linux version 6.1.0",
                "00",
                Optional.of("11"),
                Optional.empty(),
                "QEMU emulator",
                List.of(boots),
                Proof.NOT_SHOWN,
                passed);
    }

    private static ProofBoot boot(String model, String... reasons) {
        return new ProofBoot(
                model,
                List.of("retbleed=unret"),
                "tcg",
                2.5,
                OptionalDouble.of(0.1),
                OptionalDouble.empty(),
                OptionalDouble.empty(),
                List.of("vmlinux:f,1"),
                List.of(),
                List.of(
                        new ProofTarget(
                                "dummy",
                                OptionalDouble.of(0.02),
                                OptionalDouble.empty(),
                                OptionalDouble.empty(),
                                List.of("not inserted late: in use"))),
                List.of(new ProofEarlier("livepatch_old", "replaced", OptionalDouble.of(0.06))),
                List.of(new ProofStep("insert", "dummy", true, 0.02)),
                List.of(new ProofCheck("before", 1, "no\n", false, false, 0.1)),
                List.of(new ProofTask(7, "cat", List.of("pipe_read+0x1/0x2"))),
                List.of(new ProofLogProblem("warning", "kernel/panic.c", List.of("WARNING: ..."))),
                List.of(reasons),
                reasons.length == 0);
    }
}
