package dev.rebootless.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.Manifest;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The order of steps, and what comes of each answer of the kernel's; a guest has the real kernel.
 */
class LivepatchingTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(5);

    @TempDir Path root;
    @TempDir Path folder;
    private FakeHost host;
    private final List<HostEvent> events = new ArrayList<>();
    private final FakeKernel kernel = new FakeKernel();
    private final Manifest manifest =
            Manifests.of("fix", true, List.of("CVE-2026-1"), List.of(), "do_open", "do_wait");

    @BeforeEach
    void makeHost() {
        host = new FakeHost(root);
    }

    /** A kernel that does what it is told to, in time that passes only when somebody waits. */
    private final class FakeKernel implements KernelCalls, Ticker {
        private long nanos;
        private int answer = DONE;
        private String log = "<6>[    1.0] before\n";

        /** When a transition to the livepatch, or away from it, ends; seconds of waiting. */
        private double comes = 1;

        private double goes = 1;
        private long since;
        private boolean arrivesWhenLookedAt;
        private int lookedAt;
        private double turnedRoundAfter = Double.MAX_VALUE;
        private int referenced = 2;
        private String complaint = "";
        private Runnable whileWaiting = () -> {};
        private final List<String> tried = new ArrayList<>();
        private Optional<String> replaces = Optional.empty();

        @Override
        public int insert(byte[] module) {
            log += "<4>[    2.0] livepatch: said something\n";
            if (answer == DONE) {
                host.livepatch(manifest, true);
                since = nanos;
            }
            return answer;
        }

        @Override
        public int remove(String name) {
            tried.add(name);
            if (Files.exists(host.path("/sys/kernel/livepatch/" + name))) {
                return Errno.EBUSY;
            }
            if (referenced-- > 0) {
                return Errno.EAGAIN;
            }
            if (Files.exists(host.path("/sys/module/" + name))) {
                host.remove("/sys/module/" + name);
            }
            return DONE;
        }

        @Override
        public Optional<String> log() {
            return Optional.of(log);
        }

        @Override
        public long nanos() {
            String folder = "/sys/kernel/livepatch/" + manifest.module();
            boolean late = nanos - since >= TIMEOUT.toNanos();
            if (arrivesWhenLookedAt && late && Files.exists(host.path(folder)) && lookedAt++ > 0) {
                host.state(manifest.module(), true, false);
            }
            // From the write of a 0 on, until it is gone.
            if (Files.exists(host.path(folder))
                    && host.files()
                            .read(folder + "/enabled")
                            .known()
                            .filter("0"::equals)
                            .isPresent()) {
                host.state(manifest.module(), false, true);
            }
            return nanos;
        }

        @Override
        public void sleep(Duration time) {
            nanos += time.toNanos();
            whileWaiting.run();
            // Some time after all tasks have arrived.
            if (nanos - since > 4e9 && !log.endsWith(complaint)) {
                log += complaint;
            }
            String folder = "/sys/kernel/livepatch/" + manifest.module();
            if (!Files.exists(host.path(folder))) {
                return;
            }
            boolean enabled =
                    host.files().read(folder + "/enabled").known().filter("1"::equals).isPresent();
            double waited = (nanos - since) / 1e9;
            if (enabled && waited >= turnedRoundAfter) {
                host.state(manifest.module(), false, false);
            } else if (enabled && waited >= comes) {
                host.state(manifest.module(), true, false);
                replaces.ifPresent(earlier -> host.remove("/sys/kernel/livepatch/" + earlier));
                replaces = Optional.empty();
            } else if (!enabled && waited >= goes) {
                host.remove(folder);
            }
        }
    }

    private Livepatching livepatching() {
        return new Livepatching(
                new Machine(
                        host.files(),
                        kernel,
                        kernel,
                        name -> Optional.of("somebody removes " + name),
                        BootUnits.SYSTEMD),
                event -> {
                    events.add(event);
                    if (event instanceof HostEvent.Cancelling) {
                        kernel.since = kernel.nanos;
                    }
                });
    }

    private LoadRequest request(boolean unproven) throws IOException {
        return new LoadRequest(
                TestModules.write(folder, manifest),
                TIMEOUT,
                Duration.ZERO,
                false,
                unproven,
                false,
                false);
    }

    private static void requireOnly(RebootlessException e, ExitStatus status, String code) {
        assertThat(e.problems()).extracting(Problem::code).containsExactly(code);
        assertThat(e.status()).isEqualTo(status);
    }

    private RebootlessException loadFails() throws IOException {
        LoadRequest request = request(true);
        return catchThrowableOfType(RebootlessException.class, () -> livepatching().load(request));
    }

    @Test
    void aLivepatchIsLoadedAndFollowedUntilItIsInForce() throws IOException {
        host.task(7, "sleeper", 0, "do_wait", "entry");
        host.task(8, "done", 1);
        kernel.comes = 2.5;
        livepatching().load(request(true));

        assertThat(events)
                .hasExactlyElementsOfTypes(
                        HostEvent.Preflight.class,
                        HostEvent.Inserted.class,
                        HostEvent.Moving.class,
                        HostEvent.Moving.class,
                        HostEvent.InForce.class);
        HostEvent.Moving moving = (HostEvent.Moving) events.get(2);
        assertThat(moving.left()).isEqualTo(1);
        assertThat(moving.told())
                .containsExactly(
                        new LaggingTask(
                                7, "sleeper", List.of("do_wait", "entry"), Optional.of("do_wait")));
    }

    @Test
    void aTransitionThatTakesTooLongIsCancelledAndAllIsAsBefore() throws IOException {
        host.task(7, "sleeper", 0, "do_wait");
        kernel.comes = Double.MAX_VALUE;
        RebootlessException e = loadFails();

        requireOnly(e, ExitStatus.KERNEL_SAID_NO, "RBL-HOST-STALLED");
        host.hasNothingLoaded();
        assertThat(events.getLast()).isEqualTo(new HostEvent.Removed("livepatch_fix"));
        assertThat(e.problems().getFirst().message())
                .contains("within 5 s")
                .contains("1 task is left: sleeper (7) in do_wait");
    }

    /** The tasks are looked at, and meanwhile the last of them arrives. */
    @Test
    void aTransitionThatEndsAtTheLastMomentIsNotCancelled() throws IOException {
        kernel.comes = Double.MAX_VALUE;
        host.task(7, "sleeper", 0, "do_wait");
        kernel.arrivesWhenLookedAt = true;
        livepatching().load(request(true));
        assertThat(events.getLast()).isInstanceOf(HostEvent.InForce.class);
        assertThat(HostState.read(host.files()).livepatches()).hasSize(1);
    }

    @Test
    void aTransitionThatSomebodyElseTurnsRoundIsNotTakenForInForce() throws IOException {
        kernel.comes = Double.MAX_VALUE;
        kernel.turnedRoundAfter = 1;
        requireOnly(loadFails(), ExitStatus.KERNEL_SAID_NO, "RBL-HOST-GONE");
    }

    @Test
    void aCancellationThatStallsTooNamesTheTasksThatHoldIt() throws IOException {
        host.task(7, "sleeper", 0, "do_wait");
        host.task(9, "other", 1, "do_open", "entry");
        kernel.comes = Double.MAX_VALUE;
        kernel.goes = Double.MAX_VALUE;
        RebootlessException e = loadFails();

        requireOnly(e, ExitStatus.KERNEL_SAID_NO, "RBL-HOST-CANCEL-STALLED");
        assertThat(e.problems().getFirst().message())
                .contains("tasks do not leave it")
                .contains("other (9) in do_open");
        assertThat(e.problems().getFirst().remedy()).endsWith("somebody removes livepatch_fix");
        assertThat(HostState.read(host.files()).livepatches()).hasSize(1);
    }

    @Test
    void whatTheKernelDoesNotTakeIsSaidInItsOwnWordsAndItsLogs() throws IOException {
        kernel.answer = Errno.EINVAL;
        RebootlessException e = loadFails();
        requireOnly(e, ExitStatus.KERNEL_SAID_NO, "RBL-HOST-INSERT");
        assertThat(e.problems().getFirst().message())
                .contains("EINVAL")
                .contains("livepatch: said something")
                .doesNotContain("before");
        host.hasNothingLoaded();
    }

    @Test
    void nothingIsTouchedWhenSomethingSpeaksAgainstIt() throws IOException {
        LoadRequest request = request(false);
        RebootlessException e =
                catchThrowableOfType(RebootlessException.class, () -> livepatching().load(request));
        requireOnly(e, ExitStatus.REFUSED, "RBL-HOST-UNPROVEN");
        assertThat(events).hasExactlyElementsOfTypes(HostEvent.Preflight.class);
        host.hasNothingLoaded();
    }

    private LoadRequest watching(boolean reverseOnWarn) throws IOException {
        return new LoadRequest(
                TestModules.write(folder, manifest),
                TIMEOUT,
                Duration.ofSeconds(10),
                reverseOnWarn,
                true,
                false,
                false);
    }

    @Test
    void anOopsInTheLivepatchsCodeTakesItOutAndIsKept() throws IOException {
        host.put("/proc/sys/kernel/random/boot_id", "0-1\n");
        kernel.complaint =
                """
                <4>[    9.0] kernel BUG at fs/file.c:6!
                <4>[    9.0] RIP: 0010:do_open+0x1f/0x34 [livepatch_fix]
                """;
        LoadRequest request = watching(false);
        RebootlessException e =
                catchThrowableOfType(RebootlessException.class, () -> livepatching().load(request));
        requireOnly(e, ExitStatus.KERNEL_SAID_NO, "RBL-HOST-OOPS");
        host.hasNothingLoaded();
        assertThat(host.path("/var/lib/rebootless/evidence/livepatch_fix-0-1.log"))
                .content()
                .contains("kernel BUG at fs/file.c:6!");
    }

    @Test
    void anOopsIsToldFirstAlsoWhenTheLivepatchCannotBeTakenOut() throws IOException {
        kernel.complaint =
                """
                <4>[    9.0] kernel BUG at fs/file.c:6!
                <4>[    9.0] RIP: 0010:do_open+0x1f/0x34 [livepatch_fix]
                """;
        kernel.goes = Double.MAX_VALUE;
        host.task(9, "other", 1, "do_open", "entry");
        LoadRequest request = watching(false);
        RebootlessException e =
                catchThrowableOfType(RebootlessException.class, () -> livepatching().load(request));
        assertThat(e.problems())
                .extracting(Problem::code)
                .containsExactly("RBL-HOST-OOPS", "RBL-HOST-CANCEL-STALLED");
        assertThat(e.problems().getFirst().message()).contains("STILL IN FORCE");
    }

    @Test
    void aWarningIsReportedAndTakesItOutOnlyWhenThatWasAskedFor() throws IOException {
        kernel.complaint =
                "<4>[    9.0] WARNING: CPU: 1 PID: 3 at fs/file.c:6 do_open+0x1f/0x34 [livepatch_fix]\n";
        livepatching().load(watching(false));
        assertThat(events)
                .filteredOn(event -> event instanceof HostEvent.Complained)
                .singleElement()
                .matches(event -> ((HostEvent.Complained) event).ours());
        assertThat(HostState.read(host.files()).livepatches()).hasSize(1);

        livepatching().unload("livepatch_fix", TIMEOUT);
        kernel.log = "";
        LoadRequest request = watching(true);
        RebootlessException e =
                catchThrowableOfType(RebootlessException.class, () -> livepatching().load(request));
        requireOnly(e, ExitStatus.KERNEL_SAID_NO, "RBL-HOST-OOPS");
        host.hasNothingLoaded();
    }

    @Test
    void unloadTakesALivepatchOutOfForceAndOutOfTheKernel() {
        host.livepatch(manifest, false);
        livepatching().unload("livepatch_fix", TIMEOUT);
        assertThat(events)
                .hasExactlyElementsOfTypes(HostEvent.OutOfForce.class, HostEvent.Removed.class);
        host.hasNothingLoaded();
    }

    /** New code that a replaced function jumps to at its end is on no list of the kernel's. */
    @Test
    void aModuleIsNotRemovedWhileATaskSleepsInItsCode() {
        host.livepatch(manifest, false);
        host.put(
                "/proc/7/task/7/stack",
                "[<0>] schedule+0x5e/0xd0\n[<0>] helper+0x17/0x2c0 [livepatch_fix]\n");
        List<String> triedBefore = new ArrayList<>();
        kernel.whileWaiting =
                () -> {
                    if (kernel.nanos > 5e9 && Files.exists(host.path("/proc/7"))) {
                        triedBefore.addAll(kernel.tried);
                        host.remove("/proc/7");
                    }
                };
        livepatching().unload("livepatch_fix", TIMEOUT);
        assertThat(triedBefore).isEmpty();
        assertThat(kernel.nanos).isGreaterThan((long) 5e9);
        host.hasNothingLoaded();
        assertThat(host.path("/sys/module/livepatch_fix")).doesNotExist();
    }

    @Test
    void aModuleInWhichATaskStaysIsKeptAndSaid() {
        host.livepatch(manifest, false);
        host.put("/proc/7/task/8/stack", "[<0>] helper+0x17/0x2c0 [livepatch_fix]\n");
        // Of another livepatch, whose name begins like it.
        host.put("/proc/9/task/9/stack", "[<0>] helper+0x17/0x2c0 [livepatch_fix_2]\n");
        RebootlessException e =
                catchThrowableOfType(
                        RebootlessException.class,
                        () -> livepatching().unload("livepatch_fix", TIMEOUT));
        requireOnly(e, ExitStatus.KERNEL_SAID_NO, "RBL-HOST-IN-USE");
        assertThat(e.problems().getFirst().message()).endsWith("still in its code: 8");
        assertThat(kernel.tried).isEmpty();
    }

    /** The kernel takes some hundred functions out of ftrace, one by one. */
    @Test
    void unloadWaitsForALivepatchThatAllTasksHaveLeft() {
        host.livepatch(manifest, false);
        kernel.goes = TIMEOUT.toSeconds() * 4;
        livepatching().unload("livepatch_fix", TIMEOUT);
        host.hasNothingLoaded();
    }

    @Test
    void unloadDoesNotWaitForALivepatchThatATaskDoesNotLeave() {
        host.livepatch(manifest, false);
        host.task(9, "other", 1, "do_open", "entry");
        kernel.goes = TIMEOUT.toSeconds() * 4;
        requireOnly(
                catchThrowableOfType(
                        RebootlessException.class,
                        () -> livepatching().unload("livepatch_fix", TIMEOUT)),
                ExitStatus.KERNEL_SAID_NO,
                "RBL-HOST-CANCEL-STALLED");
    }

    @Test
    void unloadOfWhatIsNotLoadedIsRefused() {
        requireOnly(
                catchThrowableOfType(
                        RebootlessException.class, () -> livepatching().unload("other", TIMEOUT)),
                ExitStatus.USAGE,
                "RBL-HOST-NOT-LOADED");
    }

    @Test
    void unloadRemovesTheModuleOfALivepatchThatIsNoLongerListed() {
        host.put("/sys/module/livepatch_fix/taint", "OK\n");
        livepatching().unload("livepatch_fix", TIMEOUT);
        assertThat(events).containsExactly(new HostEvent.Removed("livepatch_fix"));
    }

    @Test
    void unloadNeverRemovesAModuleThatIsNoLivepatch() {
        host.put("/sys/module/ext4/taint", "\n");
        requireOnly(
                catchThrowableOfType(
                        RebootlessException.class, () -> livepatching().unload("ext4", TIMEOUT)),
                ExitStatus.USAGE,
                "RBL-HOST-NOT-LOADED");
    }

    @Test
    void theModuleOfALivepatchThatIsReplacedIsRemovedToo() throws IOException {
        host.livepatch(
                Manifests.of("earlier", true, List.of("CVE-2026-1"), List.of(), "do_open"), false);
        kernel.replaces = Optional.of("livepatch_earlier");
        livepatching().load(request(true));
        assertThat(events.getLast()).isEqualTo(new HostEvent.Removed("livepatch_earlier"));
    }

    /** It was replaced, or taken out of force, and the call was killed before it removed it. */
    @Test
    void theModuleThatAKilledCallHasLeftIsRemovedByTheNext() throws IOException {
        host.leftOver(Manifests.of("dead", true, List.of(), List.of(), "do_open"));
        livepatching().load(request(true));
        assertThat(events).containsOnlyOnce(new HostEvent.Removed("livepatch_dead"));
        assertThat(events.indexOf(new HostEvent.Removed("livepatch_dead")))
                .isLessThan(events.indexOf(new HostEvent.Inserted("livepatch_fix")));
    }

    @Test
    void whatIsInForceOrOnItsWayOutIsNotTakenForALeftOver() throws IOException {
        Manifest stacked = Manifests.of("fix", false, List.of(), List.of(), "do_open");
        host.livepatch(Manifests.of("there", true, List.of(), List.of(), "do_wait"), false);
        livepatching()
                .load(
                        new LoadRequest(
                                TestModules.write(folder, stacked),
                                TIMEOUT,
                                Duration.ZERO,
                                false,
                                true,
                                false,
                                false));
        assertThat(kernel.tried).isEmpty();
        host.livepatch(Manifests.of("going", true, List.of(), List.of(), "do_exit"), true);
        host.state("livepatch_going", false, true);
        livepatching().unload("livepatch_fix", TIMEOUT);
        assertThat(kernel.tried).containsOnly("livepatch_fix");
    }

    @Test
    void anInterruptedCallInsertsNothing() throws IOException {
        LoadRequest request = request(true);
        Thread.currentThread().interrupt();
        RebootlessException interrupted =
                catchThrowableOfType(RebootlessException.class, () -> livepatching().load(request));
        assertThat(Thread.interrupted()).as("still set for whoever comes next").isTrue();
        requireOnly(interrupted, ExitStatus.INTERRUPTED, "RBL-INTERRUPTED");
        assertThat(events).noneMatch(HostEvent.Inserted.class::isInstance);
    }

    @Test
    void whatTheTimerIsToRemoveMayHaveGoneAlready() {
        assertThat(livepatching().removeLeftOver("livepatch_fix", TIMEOUT)).isTrue();
        assertThat(kernel.tried).isEmpty();
    }

    @Test
    void aLivepatchWhoseDeadModuleIsLeftIsLoadedAgain() throws IOException {
        host.leftOver(manifest);
        livepatching().load(request(true));
        assertThat(events).contains(new HostEvent.Removed("livepatch_fix"));
        assertThat(events).anyMatch(HostEvent.InForce.class::isInstance);
    }

    @Test
    void aModuleOfOursThatIsStillComingIsNotTakenForALeftOver() throws IOException {
        host.leftOver(Manifests.of("coming", true, List.of(), List.of(), "do_open"));
        host.put("/sys/module/livepatch_coming/initstate", "coming\n");
        livepatching().load(request(true));
        assertThat(events).doesNotContain(new HostEvent.Removed("livepatch_coming"));
    }

    @Test
    void unloadRemovesWhatIsLeftOfOthersToo() {
        host.leftOver(Manifests.of("dead", true, List.of(), List.of(), "do_open"));
        host.livepatch(manifest, false);
        livepatching().unload("livepatch_fix", TIMEOUT);
        assertThat(events)
                .endsWith(
                        new HostEvent.Removed("livepatch_fix"),
                        new HostEvent.Removed("livepatch_dead"));
    }

    /** Writing to it a second time would bring it back. */
    @Test
    void unloadOfALivepatchThatIsOnItsWayOutOnlyWaits() {
        host.livepatch(manifest, true);
        host.state("livepatch_fix", false, true);
        livepatching().unload("livepatch_fix", TIMEOUT);
        host.hasNothingLoaded();
    }

    @Test
    void cancelTakesBackTheTransitionThatIsRunning() {
        host.livepatch(manifest, true);
        kernel.comes = Double.MAX_VALUE;
        assertThat(livepatching().cancel(TIMEOUT)).contains("livepatch_fix");
        host.hasNothingLoaded();
    }

    @Test
    void cancelWithoutATransitionChangesNothing() {
        host.livepatch(manifest, false);
        assertThat(livepatching().cancel(TIMEOUT)).isEmpty();
        assertThat(HostState.read(host.files()).livepatches()).hasSize(1);
    }

    @Test
    void aSecondCallAtTheSameTimeIsRefused() throws IOException {
        host.folder("/run");
        try (FileChannel channel =
                        FileChannel.open(
                                host.path("/run/rebootless.lock"),
                                StandardOpenOption.CREATE,
                                StandardOpenOption.WRITE);
                FileLock lock = channel.lock()) {
            assertThat(lock.isValid()).isTrue();
            requireOnly(loadFails(), ExitStatus.REFUSED, "RBL-HOST-BUSY");
        }
    }
}
