package dev.rebootless.lab;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.kernel.log.KernelLog;
import dev.rebootless.lab.GuestMessage.Direction;
import dev.rebootless.lab.GuestMessage.Stage;
import dev.rebootless.manifest.ProofBoot;
import dev.rebootless.manifest.ProofCheck;
import dev.rebootless.manifest.ProofTask;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class BootVerdictTest {
    private static final ProofRequest REQUEST =
            ProofRequest.of(Path.of("vmlinuz"))
                    .withModule(Path.of("x.ko"))
                    .withCheck(Path.of("check.sh"));

    private static final GuestMessage.Ready READY = new GuestMessage.Ready(0, "6.1.0", "Linux");

    private static final List<GuestMessage> GOOD =
            List.of(
                    READY,
                    check("before", 1),
                    new GuestMessage.Load(0, 0, 0.1, "", List.of()),
                    new GuestMessage.Livepatch("x"),
                    new GuestMessage.Transition(Direction.ENABLE, true, 1),
                    new GuestMessage.Function(true, "vmlinux", "f,1"),
                    new GuestMessage.Taints("OEK", 0xb000),
                    check("during", 0),
                    new GuestMessage.Transition(Direction.DISABLE, true, 1.5),
                    new GuestMessage.Unload(0, 0.25, ""),
                    check("after", 1),
                    new GuestMessage.End(0xb000));

    @Test
    void aWholeLifePasses() {
        ProofBoot boot = judge(GOOD);
        assertThat(boot.reasons()).isEmpty();
        assertThat(boot.passed()).isTrue();
        assertThat(boot.unloadSeconds()).hasValue(1.75);
    }

    @Test
    void leavingOutAnyStepFails() {
        // The livepatch's name is not needed: its functions and its transition are seen, or are
        // missed.
        for (GuestMessage left : GOOD) {
            if (left instanceof GuestMessage.Livepatch || left instanceof GuestMessage.Ready) {
                continue;
            }
            List<GuestMessage> messages = new ArrayList<>(GOOD);
            messages.remove(left);
            boolean orderly = !(left instanceof GuestMessage.End);
            ProofBoot boot =
                    judge(
                            messages,
                            orderly ? Optional.empty() : Optional.of("the guest went down"));
            assertThat(boot.passed()).as(left.toString()).isFalse();
            assertThat(boot.reasons()).isNotEmpty();
        }
    }

    @Test
    void taintsBeyondALivepatchsOwnFail() {
        assertThat(judge(replaced(6, new GuestMessage.Taints("OEK", 0xb200))).reasons())
                .containsExactly("the kernel is tainted: W (a warning)");
        assertThat(judge(replaced(6, new GuestMessage.Taints("FOEK", 0xb002))).reasons())
                .containsExactly(
                        "the module is tainted: F (a module loaded by force)",
                        "the kernel is tainted: F (a module loaded by force)");
        assertThat(judge(replaced(11, new GuestMessage.End(0xb080))).reasons())
                .containsExactly("the kernel is tainted: D (an oops)");
    }

    @Test
    void aTaintThatTheKernelBootedWithIsNotTheModules() {
        List<GuestMessage> messages = replaced(0, new GuestMessage.Ready(4, "6.1.0", "Linux"));
        messages.set(11, new GuestMessage.End(0xb004));
        assertThat(judge(messages).reasons()).isEmpty();
    }

    @Test
    void aStalledTransitionNamesItsTasks() {
        ProofBoot boot =
                judge(
                        List.of(
                                READY,
                                check("before", 1),
                                new GuestMessage.Load(0, 0, 0.1, "", List.of()),
                                new GuestMessage.Livepatch("x"),
                                new GuestMessage.Transition(Direction.ENABLE, false, 60),
                                new GuestMessage.Lagging(
                                        new ProofTask(7, "cat", List.of("pipe_read+0x1/0x2"))),
                                new GuestMessage.Transition(Direction.REVERSE, true, 1),
                                new GuestMessage.Unload(0, 0.1, ""),
                                check("after", 1),
                                new GuestMessage.End(0xb000)));
        assertThat(boot.reasons())
                .containsExactly(
                        "the transition did not end within 60.0 s and was cancelled",
                        "lagging task: cat (7), in pipe_read+0x1/0x2");
    }

    @Test
    void aModuleThatIsNoLivepatchFails() {
        assertThat(
                        judge(
                                        List.of(
                                                READY,
                                                new GuestMessage.Livepatch(""),
                                                new GuestMessage.End(0)))
                                .reasons())
                .contains("the module was loaded, but the kernel lists no new livepatch");
    }

    @Test
    void aCheckThatTookTooLongFailsInEveryPhase() {
        ProofCheck slow = new ProofCheck("before", 143, "", false, true, 30);
        assertThat(judge(replaced(1, new GuestMessage.Check(slow))).reasons())
                .containsExactly("the check before did not end within 30 s");
    }

    private static final List<GuestMessage> GOOD_WITH_TARGET =
            List.of(
                    READY,
                    inserted(),
                    new GuestMessage.StageBegins(Stage.PRESENT, 0),
                    check("before", 1),
                    new GuestMessage.Load(0, 0, 0.1, "", List.of()),
                    new GuestMessage.Livepatch("x"),
                    new GuestMessage.Transition(Direction.ENABLE, true, 1),
                    new GuestMessage.Function(true, "dummy", "f,1"),
                    new GuestMessage.Taints("OEK", 0xb000),
                    check("during", 0),
                    new GuestMessage.Transition(Direction.DISABLE, true, 1.5),
                    new GuestMessage.Unload(0, 0.25, ""),
                    check("after", 1),
                    new GuestMessage.Remove("dummy", 0, 0.1, ""),
                    new GuestMessage.StageBegins(Stage.ABSENT, 0xb000),
                    new GuestMessage.Load(0, 0, 0.2, "", List.of()),
                    new GuestMessage.Livepatch("x"),
                    new GuestMessage.Transition(Direction.ENABLE, true, 2),
                    new GuestMessage.Function(false, "dummy", "f,1"),
                    new GuestMessage.Taints("OEK", 0xb000),
                    new GuestMessage.StageBegins(Stage.LATE, 0xb000),
                    inserted(),
                    new GuestMessage.Function(true, "dummy", "f,1"),
                    check("late", 0),
                    new GuestMessage.Remove("dummy", 0, 0.1, ""),
                    new GuestMessage.StageBegins(Stage.AGAIN, 0xb000),
                    inserted(),
                    new GuestMessage.Function(true, "dummy", "f,1"),
                    check("again", 0),
                    new GuestMessage.Transition(Direction.DISABLE, true, 1),
                    new GuestMessage.Unload(0, 0.25, ""),
                    new GuestMessage.Remove("dummy", 0, 0.1, ""),
                    new GuestMessage.End(0xb000));

    @Test
    void leavingOutAnyStepOfALifeWithTargetsFails() {
        ProofBoot whole = judgeWithTarget(GOOD_WITH_TARGET);
        assertThat(whole.reasons()).isEmpty();
        assertThat(whole.loadSeconds()).as("of the first life").hasValue(0.1);
        assertThat(whole.targets().getFirst().againSeconds()).hasValue(0.5);
        int left = 0;
        for (int i = 0; i < GOOD_WITH_TARGET.size(); i++) {
            GuestMessage message = GOOD_WITH_TARGET.get(i);
            boolean needless =
                    switch (message) {
                        case GuestMessage.Livepatch _, GuestMessage.Ready _, GuestMessage.End _ ->
                                true;
                        // That it begins is known by what was inserted before.
                        case GuestMessage.StageBegins stage -> stage.stage() == Stage.PRESENT;
                        case GuestMessage.Function function -> !function.patched();
                        // At the very end the guest is switched off anyway.
                        case GuestMessage.Remove _ -> i == GOOD_WITH_TARGET.size() - 2;
                        default -> false;
                    };
            if (needless) {
                continue;
            }
            List<GuestMessage> messages = new ArrayList<>(GOOD_WITH_TARGET);
            messages.remove(i);
            assertThat(judgeWithTarget(messages).reasons()).as(i + " " + message).isNotEmpty();
            left++;
        }
        assertThat(left).isGreaterThan(20);
    }

    @Test
    void aTargetThatIsThereAndNotPatchedFailsInEveryStage() {
        int seen = 0;
        for (int i = 0; i < GOOD_WITH_TARGET.size(); i++) {
            if (GOOD_WITH_TARGET.get(i) instanceof GuestMessage.Function function
                    && function.patched()) {
                List<GuestMessage> messages = new ArrayList<>(GOOD_WITH_TARGET);
                messages.set(i, new GuestMessage.Function(false, "dummy", "f,1"));
                assertThat(judgeWithTarget(messages).reasons())
                        .contains("dummy is there, but its function f,1 is not patched");
                seen++;
            }
        }
        assertThat(seen).isEqualTo(3);
    }

    @Test
    void aFailingCheckIsExcusedOnlyWithoutItsTarget() {
        List<GuestMessage> messages = new ArrayList<>(GOOD_WITH_TARGET.subList(0, 13));
        messages.add(new GuestMessage.End(0xb000));
        messages.set(
                1, new GuestMessage.Insert("dummy", "dummy", 1, 0.1, "no such device", List.of()));
        messages.set(7, new GuestMessage.Function(false, "dummy", "f,1"));
        messages.set(9, check("during", 1));
        ProofBoot excused = judgeWithTarget(messages);
        assertThat(excused.reasons()).isEmpty();
        assertThat(excused.targets().getFirst().notShown())
                .hasSize(2)
                .anyMatch(line -> line.contains("no such device"))
                .anyMatch(line -> line.contains("the check fails"));

        List<GuestMessage> there = new ArrayList<>(GOOD_WITH_TARGET);
        there.set(9, check("during", 1));
        assertThat(judgeWithTarget(there).reasons())
                .singleElement()
                .asString()
                .startsWith("the check fails while the module is in force");
    }

    private static ProofBoot judgeWithTarget(List<GuestMessage> messages) {
        return BootVerdict.of(
                REQUEST.withTargets(
                                List.of(new TargetModule("dummy", List.of(Path.of("dummy.ko")))))
                        .withReload(true),
                CpuProfile.defaults(false).getFirst(),
                Accelerator.TCG,
                new Guest.Result(
                        Optional.of(2.5),
                        messages,
                        new KernelLog(),
                        0,
                        Optional.empty(),
                        List.of()));
    }

    private static GuestMessage inserted() {
        return new GuestMessage.Insert("dummy", "dummy", 0, 0.5, "", List.of());
    }

    private static List<GuestMessage> replaced(int index, GuestMessage message) {
        List<GuestMessage> messages = new ArrayList<>(GOOD);
        messages.set(index, message);
        return messages;
    }

    private static ProofBoot judge(List<GuestMessage> messages) {
        return judge(messages, Optional.empty());
    }

    private static ProofBoot judge(List<GuestMessage> messages, Optional<String> ended) {
        return BootVerdict.of(
                REQUEST,
                CpuProfile.defaults(false).getFirst(),
                Accelerator.TCG,
                new Guest.Result(Optional.of(2.5), messages, new KernelLog(), 0, ended, List.of()));
    }

    private static GuestMessage check(String phase, int status) {
        return new GuestMessage.Check(new ProofCheck(phase, status, "out\n", false, false, 0.1));
    }
}
