package dev.rebootless.build.backlog;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Problem;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Which fix made a proof fail, where the proof itself says so. */
class CulpritsTest {
    private static Candidate candidate(String id, String function) {
        Outcome outcome =
                new Outcome(
                        Outcome.FORMAT,
                        id,
                        "key",
                        Outcome.Verdict.BUILT,
                        List.of(),
                        List.of(),
                        List.of(),
                        List.of(),
                        List.of(new Outcome.Function("vmlinux", function, 0, "x.c")),
                        List.of(),
                        List.of(),
                        new TreeSet<>(),
                        false,
                        false,
                        "",
                        1);
        return new Candidate(Rows.exposed(id, "a fix"), outcome, Pieces.NONE, false);
    }

    @Test
    void theFixWhoseFunctionAWaitingTaskSleepsInIsNamed() {
        List<Candidate> all =
                List.of(
                        candidate("CVE-2026-10001", "scsi_error"),
                        candidate("CVE-2026-10002", "scsi_error_handler"),
                        candidate("CVE-2026-10003", "do_open"));
        assertThat(
                        Backlog.namedIn(
                                all,
                                List.of(
                                        new Problem(
                                                "RBL-PROOF-FAILED",
                                                "x.ko",
                                                "max: lagging task: scsi_eh_0 (61), in scsi_error_handler < kthread <"
                                                        + " ret_from_fork",
                                                "correct it"))))
                .extracting(Candidate::id)
                .containsExactly("CVE-2026-10002");
        assertThat(
                        Backlog.namedIn(
                                all,
                                List.of(
                                        new Problem(
                                                "RBL-PROOF-FAILED",
                                                "x.ko",
                                                "it hung",
                                                "correct it"))))
                .isEmpty();
    }
}
