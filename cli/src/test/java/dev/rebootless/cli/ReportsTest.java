package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.manifest.Proof;
import dev.rebootless.manifest.ProofBoot;
import dev.rebootless.manifest.ProofCheck;
import dev.rebootless.manifest.ProofEarlier;
import dev.rebootless.manifest.ProofStep;
import dev.rebootless.manifest.ProofTarget;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

class ReportsTest {
    private static final Proof WITH_TARGET =
            new Proof(
                    "6.1.0",
                    "Linux version 6.1.0",
                    "0".repeat(64),
                    Optional.of("1".repeat(64)),
                    Optional.of("2".repeat(64)),
                    "QEMU emulator",
                    List.of(
                            new ProofBoot(
                                    "max",
                                    List.of(),
                                    "tcg",
                                    2.5,
                                    OptionalDouble.of(0.11),
                                    OptionalDouble.of(1.5),
                                    OptionalDouble.of(1.2),
                                    List.of("dummy:f,1"),
                                    List.of(),
                                    List.of(
                                            new ProofTarget(
                                                    "dummy",
                                                    OptionalDouble.of(0.02),
                                                    OptionalDouble.of(0.03),
                                                    OptionalDouble.empty(),
                                                    List.of("inserting dummy again: not tried"))),
                                    List.of(
                                            new ProofEarlier(
                                                    "old", "replaced", OptionalDouble.of(0.06)),
                                            new ProofEarlier(
                                                    "below", "stays", OptionalDouble.empty())),
                                    List.of(
                                            new ProofStep("insert", "dummy", true, 0.02),
                                            new ProofStep("check", "before", false, 0.1),
                                            new ProofStep("check", "earlier", false, 0.1),
                                            new ProofStep("load", "x.ko", true, 0.11),
                                            new ProofStep("enable", "", true, 1.5),
                                            new ProofStep("check", "during", true, 0.1),
                                            new ProofStep("disable", "", true, 1.1),
                                            new ProofStep("unload", "", true, 0.1),
                                            new ProofStep("check", "after", false, 0.1),
                                            new ProofStep("remove", "dummy", true, 0.04),
                                            new ProofStep("load", "x.ko", true, 0.12),
                                            new ProofStep("enable", "", true, 1.4),
                                            new ProofStep("insert", "dummy", true, 0.03),
                                            new ProofStep("check", "late", true, 0.1),
                                            new ProofStep("remove", "dummy", false, 0.6),
                                            new ProofStep("disable", "", true, 1.3),
                                            new ProofStep("unload", "", true, 0.05)),
                                    List.of(
                                            check("before", 1),
                                            check("earlier", 1),
                                            check("during", 0),
                                            check("after", 1),
                                            check("late", 0)),
                                    List.of(),
                                    List.of(),
                                    List.of(),
                                    true)),
                    Proof.NOT_SHOWN,
                    true);

    private static ProofCheck check(String phase, int status) {
        return new ProofCheck(phase, status, "said " + phase + "\n", false, false, 0.1);
    }

    @Test
    void bothLivesOfALivepatchOfAModuleAreToldInOrderWithTheirTimes() {
        assertThat(Reports.test(WITH_TARGET))
                .contains(
                        """
                        on max, step by step:
                          booted after 2.50 s
                          inserted dummy in 0.02 s
                          before loading, the check exits with 1:
                            said before
                          with the earlier livepatches alone, the check exits with 1:
                            said earlier
                          loaded in 0.11 s, transition finished in 1.50 s: dummy:f,1
                          old was replaced; its module was removed in 0.06 s
                          below stays in force below it
                          with the livepatch, the check exits with 0:
                            said during
                          unloaded in 1.20 s
                          after unloading, the check exits with 1:
                            said after
                          removed dummy in 0.04 s
                          loaded before its targets in 0.12 s
                          transition finished in 1.40 s
                          inserted dummy in 0.03 s
                          with targets that came late, the check exits with 0:
                            said late
                          not removed dummy after 0.60 s
                          disabled in 1.30 s
                          unloaded in 0.05 s
                          kernel log: clean
                          not shown: inserting dummy again: not tried
                        passed
                        """);
    }

    @Test
    void aProofWithTargetsFitsTheSchema() {
        Documents.Test document =
                new Documents.Test(
                        Documents.SCHEMA_VERSION, "passed", "x.ko", "6.1.0", "00", WITH_TARGET);
        String json = JsonMapper.builder().build().writeValueAsString(document);

        assertThat(json).contains("\"lateSeconds\":0.03");
        assertThat(Cli.schemaErrors("test", json)).isEmpty();
        assertThat(json).contains("\"fate\":\"replaced\"");
        assertThat(Cli.schemaErrors("test", json.replace("replaced", "undone"))).isNotEmpty();
        assertThat(Cli.schemaErrors("test", json.replace("lateSeconds", "laterSeconds")))
                .isNotEmpty();
    }
}
