package dev.rebootless.lab;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.kernel.log.KernelLog;
import dev.rebootless.lab.GuestMessage.Direction;
import dev.rebootless.lab.GuestMessage.Fate;
import dev.rebootless.lab.GuestMessage.When;
import dev.rebootless.manifest.ProofBoot;
import dev.rebootless.manifest.ProofCheck;
import dev.rebootless.manifest.ProofEarlier;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

/** What is said of livepatches that were loaded before the one to prove, and how it is judged. */
class EarlierVerdictTest {
    private static final List<GuestMessage> REPLACING =
            List.of(
                    new GuestMessage.Ready(0, "6.1.0", "Linux"),
                    check("before", 1),
                    new GuestMessage.Load(0, 0, 0.1, "", List.of()),
                    new GuestMessage.Transition(Direction.EARLIER, true, 9),
                    new GuestMessage.Earlier(When.BEFORE, 0, "old", Fate.STAYS),
                    check("earlier", 1),
                    new GuestMessage.Load(1, 0, 0.2, "", List.of()),
                    new GuestMessage.Livepatch("x"),
                    new GuestMessage.Transition(Direction.ENABLE, true, 1),
                    new GuestMessage.Function(true, "vmlinux", "f,1"),
                    new GuestMessage.Taints("OEK", 0xb000),
                    new GuestMessage.Earlier(When.DURING, 0, "old", Fate.GONE),
                    new GuestMessage.Release("old", 0, 0.3, ""),
                    check("during", 0),
                    new GuestMessage.Transition(Direction.DISABLE, true, 1.5),
                    new GuestMessage.Unload(0, 0.25, ""),
                    new GuestMessage.Earlier(When.AFTER, 0, "old", Fate.GONE),
                    check("after", 1),
                    new GuestMessage.End(0xb000));

    private static final List<GuestMessage> STACKED = stacked();

    private static List<GuestMessage> stacked() {
        List<GuestMessage> messages = new ArrayList<>(REPLACING);
        messages.set(11, new GuestMessage.Earlier(When.DURING, 0, "old", Fate.STAYS));
        messages.set(16, new GuestMessage.Earlier(When.AFTER, 0, "old", Fate.STAYS));
        messages.remove(12);
        return messages;
    }

    @Test
    void whatTheLivepatchSaysOfItselfAndDoesPasses() {
        ProofBoot replacing = judge(Takeover.REPLACES, REPLACING);
        assertThat(replacing.reasons()).isEmpty();
        assertThat(replacing.loadSeconds()).as("of the module itself").hasValue(0.2);
        assertThat(replacing.transitionSeconds()).hasValue(1);
        assertThat(replacing.earlier())
                .containsExactly(new ProofEarlier("old", "replaced", OptionalDouble.of(0.3)));

        ProofBoot stacked = judge(Takeover.STACKS, STACKED);
        assertThat(stacked.reasons()).isEmpty();
        assertThat(stacked.earlier())
                .containsExactly(new ProofEarlier("old", "stays", OptionalDouble.empty()));

        assertThat(judge(Takeover.UNKNOWN, REPLACING).reasons()).isEmpty();
        assertThat(judge(Takeover.UNKNOWN, STACKED).reasons()).isEmpty();
    }

    @Test
    void whatTheLivepatchDoesNotSayOfItselfFails() {
        assertThat(judge(Takeover.STACKS, REPLACING).reasons())
                .singleElement()
                .asString()
                .contains("old is no longer in force");
        assertThat(judge(Takeover.REPLACES, STACKED).reasons())
                .singleElement()
                .asString()
                .contains("old stays in force");
    }

    @Test
    void leavingOutAnyStepFails() {
        int left = 0;
        for (Takeover takeover : List.of(Takeover.REPLACES, Takeover.STACKS)) {
            List<GuestMessage> whole = takeover == Takeover.REPLACES ? REPLACING : STACKED;
            for (int i = 1; i < whole.size() - 1; i++) {
                // That its transition ended is known by its being in force.
                if (whole.get(i) instanceof GuestMessage.Livepatch
                        || (whole.get(i) instanceof GuestMessage.Transition transition
                                && transition.direction() == Direction.EARLIER)) {
                    continue;
                }
                List<GuestMessage> messages = new ArrayList<>(whole);
                messages.remove(i);
                assertThat(judge(takeover, messages).reasons())
                        .as(takeover + " without " + whole.get(i))
                        .isNotEmpty();
                left++;
            }
        }
        assertThat(left).isGreaterThan(25);
    }

    @Test
    void anEarlierOneThatDoesNotGoOrComesBackOrGoesAlongFails() {
        assertThat(
                        judge(Takeover.REPLACES, with(REPLACING, 11, When.DURING, Fate.DISABLED))
                                .reasons())
                .contains("old is disabled, but the kernel still lists it");
        assertThat(judge(Takeover.REPLACES, with(REPLACING, 16, When.AFTER, Fate.STAYS)).reasons())
                .contains("old is in force again after the module was removed");
        assertThat(judge(Takeover.STACKS, with(STACKED, 15, When.AFTER, Fate.GONE)).reasons())
                .contains("old went with the module that was above it");
        List<GuestMessage> stuck = new ArrayList<>(REPLACING);
        stuck.set(12, new GuestMessage.Release("old", 1, 2, "in use"));
        assertThat(judge(Takeover.REPLACES, stuck).reasons())
                .containsExactly(
                        "the module old, which is no longer in force, could not be removed: in use");
    }

    @Test
    void afterAStackedOneTheCheckMustDoWhatItDidWithTheEarlierOneAlone() {
        List<GuestMessage> common = new ArrayList<>(STACKED);
        common.set(5, check("earlier", 0));
        assertThat(judge(Takeover.STACKS, common).reasons())
                .singleElement()
                .asString()
                .contains("fails after the module was removed")
                .contains("alone it passed");
        common.set(16, check("after", 0));
        assertThat(judge(Takeover.STACKS, common).reasons()).isEmpty();

        List<GuestMessage> replaced = new ArrayList<>(REPLACING);
        replaced.set(5, check("earlier", 0));
        assertThat(judge(Takeover.REPLACES, replaced).reasons()).isEmpty();
        replaced.set(17, check("after", 0));
        assertThat(judge(Takeover.REPLACES, replaced).reasons())
                .singleElement()
                .asString()
                .contains("still passes after the module was removed");
    }

    private static List<GuestMessage> with(
            List<GuestMessage> messages, int index, When when, Fate fate) {
        List<GuestMessage> changed = new ArrayList<>(messages);
        changed.set(index, new GuestMessage.Earlier(when, 0, "old", fate));
        return changed;
    }

    private static ProofBoot judge(Takeover takeover, List<GuestMessage> messages) {
        return BootVerdict.of(
                ProofRequest.of(Path.of("vmlinuz"))
                        .withModule(Path.of("x.ko"))
                        .withEarlierModules(List.of(Path.of("old.ko")))
                        .withTakeover(takeover)
                        .withCheck(Path.of("check.sh")),
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

    private static GuestMessage check(String phase, int status) {
        return new GuestMessage.Check(new ProofCheck(phase, status, "out\n", false, false, 0.1));
    }
}
