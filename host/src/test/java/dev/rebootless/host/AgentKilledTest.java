package dev.rebootless.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.release.DesiredState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whatever step a call is killed at: the next one says what is in force, does nothing twice, and
 * after that all is as the state wants it.
 */
class AgentKilledTest {
    private static final Manifest FIX = AgentRig.livepatch("fix", true, "do_open");
    private static final String LATER_BOOT = "99999999-2222-3333-4444-555555555555";

    /** As a signal does it: nothing that catches a failure sees it. */
    private static final class Killed extends Error {
        Killed(String moment) {
            super(moment);
        }
    }

    /** Waiting is the same each time; the first ones are enough. */
    private static final int WAITS = 6;

    @TempDir Path folder;

    /** Calls, and is killed at the n-th moment; empty when it ended before. */
    private static Optional<String> killedAt(AgentRig rig, int n, Runnable call) {
        int[] moments = {0};
        int[] waits = {0};
        rig.kernel.at =
                moment -> {
                    boolean counts = !moment.equals("wait") || waits[0]++ < WAITS;
                    if (counts && ++moments[0] == n) {
                        throw new Killed(moment);
                    }
                };
        try {
            call.run();
            return Optional.empty();
        } catch (Killed e) {
            return Optional.of(String.valueOf(e.getMessage()));
        } finally {
            rig.kernel.at = moment -> {};
        }
    }

    private String onlyOutcome(AgentRig rig) {
        assertThat(rig.fleet.outcomes).hasSize(1);
        return rig.fleet.outcomes.values().iterator().next().path("outcome").asString();
    }

    private void untilTheStateIsReached(AgentRig rig) {
        for (int i = 0; i < 3; i++) {
            rig.service();
        }
    }

    @Test
    void aLoadThatIsKilledAnywhereEndsInWhatIsInForce() throws Exception {
        int n = 0;
        boolean killed = true;
        List<String> moments = new java.util.ArrayList<>();
        while (killed) {
            n++;
            try (AgentRig rig = new AgentRig(Files.createDirectory(folder.resolve("load" + n)))) {
                rig.enrol();
                rig.wantLoaded(FIX);
                assertThat(rig.agent("report")).isEqualTo(ExitStatus.DONE);
                Optional<String> moment = killedAt(rig, n, () -> rig.agent("apply"));
                killed = moment.isPresent();
                moments.add(moment.orElse("end"));
                // The next call of the units; the kernel has gone on meanwhile.
                ExitStatus _ = rig.apply();
                String as = "killed at moment " + n + ", " + moment;
                assertThat(rig.agent("outcome")).as(as).isEqualTo(ExitStatus.DONE);
                assertThat(onlyOutcome(rig).equals("done"))
                        .as(as)
                        .isEqualTo(rig.loaded().contains("livepatch_fix"));
                untilTheStateIsReached(rig);
                assertThat(rig.loaded()).as(as).containsExactly("livepatch_fix");
                assertThat(rig.installed()).as(as).containsExactly("livepatch_fix");
                assertThat(rig.kernel.inserted).as(as).hasSize(1);
            }
        }
        assertThat(moments).contains("before insert", "after insert", "wait", "before units");
    }

    @Test
    void aRemovalThatIsKilledAnywhereEndsInWhatIsInForce() throws Exception {
        int n = 0;
        boolean killed = true;
        List<String> moments = new java.util.ArrayList<>();
        while (killed) {
            n++;
            try (AgentRig rig = new AgentRig(Files.createDirectory(folder.resolve("out" + n)))) {
                rig.enrol();
                DesiredState.Load load = rig.wantLoaded(FIX);
                rig.service();
                rig.fleet.outcomes.clear();
                rig.want(
                        Optional.empty(),
                        List.of(new DesiredState.Unload(load.name(), load.sha256())),
                        List.of());
                assertThat(rig.agent("report")).isEqualTo(ExitStatus.DONE);
                Optional<String> moment = killedAt(rig, n, () -> rig.agent("apply"));
                killed = moment.isPresent();
                moments.add(moment.orElse("end"));
                ExitStatus _ = rig.apply();
                String as = "killed at moment " + n + ", " + moment;
                assertThat(rig.agent("outcome")).as(as).isEqualTo(ExitStatus.DONE);
                assertThat(onlyOutcome(rig)).as(as).isEqualTo("done");
                assertThat(rig.loaded()).as(as).isEmpty();
                assertThat(rig.installed()).as(as).isEmpty();
            }
        }
        assertThat(moments).contains("wait", "before remove");
    }

    @Test
    void aMachineThatWentDownWithTheLoadHasFailedAndMayTryAgain() throws Exception {
        try (AgentRig rig = new AgentRig(folder)) {
            rig.enrol();
            rig.wantLoaded(FIX);
            assertThat(rig.agent("report")).isEqualTo(ExitStatus.DONE);
            killedAfterInsert(rig);
            rig.kernel.reboot(LATER_BOOT);
            assertThat(rig.apply()).isEqualTo(ExitStatus.KERNEL_SAID_NO);
            assertThat(rig.said()).contains("RBL-AGENT-CUT-OFF", "with the machine");
            assertThat(rig.agent("outcome")).isEqualTo(ExitStatus.DONE);
            assertThat(onlyOutcome(rig)).isEqualTo("failed");
            assertThat(rig.loaded()).isEmpty();
            untilTheStateIsReached(rig);
            assertThat(rig.loaded()).containsExactly("livepatch_fix");
        }
    }

    private static void killedAfterInsert(AgentRig rig) {
        boolean[] killed = {false};
        rig.kernel.at =
                moment -> {
                    if (moment.equals("after insert")) {
                        killed[0] = true;
                        throw new Killed(moment);
                    }
                };
        assertThatThrownBy(() -> rig.agent("apply")).isInstanceOf(Killed.class);
        rig.kernel.at = moment -> {};
        assertThat(killed[0]).isTrue();
    }

    @Test
    void aTransitionThatIsHeldUpAfterItsCallWasKilledIsTakenBack() throws Exception {
        try (AgentRig rig = new AgentRig(folder)) {
            rig.enrol();
            rig.wantLoaded(FIX);
            assertThat(rig.agent("report")).isEqualTo(ExitStatus.DONE);
            killedAfterInsert(rig);
            // Tasks do not move until somebody turns the transition round.
            rig.kernel.comes = false;
            assertThat(rig.apply()).isEqualTo(ExitStatus.KERNEL_SAID_NO);
            assertThat(rig.agent("outcome")).isEqualTo(ExitStatus.DONE);
            assertThat(onlyOutcome(rig)).isEqualTo("failed");
            assertThat(rig.loaded()).isEmpty();
        }
    }

    @Test
    void aReportThatIsKilledAnywhereLosesNothing() throws Exception {
        int n = 0;
        boolean killed = true;
        try (AgentRig rig = new AgentRig(folder)) {
            rig.enrol();
            rig.wantLoaded(FIX);
            while (killed) {
                n++;
                killed = killedAt(rig, n, () -> rig.agent("report")).isPresent();
            }
            assertThat(n).isGreaterThan(3);
            // Each call that was killed had another number; one attempt was asked for.
            assertThat(rig.fleet.attempts).hasSize(1);
            assertThat(rig.apply()).isEqualTo(ExitStatus.DONE);
            assertThat(rig.agent("outcome")).isEqualTo(ExitStatus.DONE);
            assertThat(onlyOutcome(rig)).isEqualTo("done");
        }
    }
}
