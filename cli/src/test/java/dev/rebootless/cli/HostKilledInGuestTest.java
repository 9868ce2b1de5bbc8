package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * What ends in the middle leaves the host as it was or as it should be: each command is killed
 * right before each system call of its that changes something, and the machine loses its power
 * while it works.
 */
@Tag("long")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class HostKilledInGuestTest {
    /** What changes files, the kernel's among them, and modules; and what is printed. */
    private static final String CALLS =
            "mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,chmod,fchmod,fchmodat,"
                    + "fsync,fdatasync,ftruncate,write,pwrite64,finit_module,delete_module";

    /** By SIGKILL, as a shell says it. */
    private static final int KILLED = 128 + 9;

    /**
     * The list is whole, each file that it names has the bytes that it says, and each module that
     * is there is named or left over. Prints the names.
     */
    private static final String INSTALLED =
            """
            cd /var/lib/rebootless/*/* 2>/dev/null || exit 0
            [ -e installed.json ] || exit 0
            grep -o '"file":"[^"]*","sha256":"[^"]*"' installed.json | cut -d'"' -f4,8 | tr '"' ' ' |
            while read -r file sum; do
                echo "$sum  $file" | sha256sum --quiet --strict -c - || exit 1
                echo "${file%-*}"
            done
            """;

    private @Nullable HostGuest booted;

    @BeforeAll
    void bootTheGuest(@TempDir Path temporary) throws Exception {
        booted = new GuestFiles("6.1", temporary).twoVersions().boot();
    }

    @AfterAll
    void shutDown() throws Exception {
        if (booted != null) {
            booted.close();
        }
    }

    @AfterEach
    void theKernelHasNotComplained() throws Exception {
        host().cleanUp();
        host().requireCleanLog();
    }

    private HostGuest host() {
        return Objects.requireNonNull(booted);
    }

    /** What is to be seen after a call that was killed. */
    @FunctionalInterface
    private interface Check {
        void afterKill() throws Exception;
    }

    /**
     * A call, as strace finds it again.
     *
     * @param number among the calls of this kind of its thread, from 1
     */
    private record Step(String kind, int number) {}

    /** "PID CALL(ARGUMENTS", where a call begins. */
    private static final Pattern CALL = Pattern.compile("(?m)^(\\d+) +([a-z0-9_]+)\\((.*)");

    /** What the process says, and what the launcher says of its own dumps. */
    private static final Pattern SAYS = Pattern.compile("write [12],.*|write .*\"0x.*");

    /** From here on the kernel is at work, whatever the process does. */
    private static final Pattern BEGINS_A_TRANSITION =
            Pattern.compile("finit_module .*|write [0-9]+, \"0\".*");

    /**
     * Runs a command once, to see what it calls, and then kills it before each of these calls.
     *
     * @param before a script that makes the state from which each begins
     * @param needed kinds of calls that it has to make
     */
    private void killAtEachStep(String before, String command, List<String> needed, Check check)
            throws Exception {
        host().run(before).requireStatus(0);
        host().run(strace(CALLS, command)).requireStatus(0);
        Set<Step> steps = steps(host().run("cat /run/trace").out());
        assertThat(steps).extracting(Step::kind).containsAll(needed);
        Set<String> killed = new TreeSet<>();
        int count = 0;
        for (Step step : steps) {
            host().run(before).requireStatus(0);
            String inject =
                    " -e inject=%s:signal=KILL:when=%d".formatted(step.kind(), step.number());
            DebianGuest.Result result = host().run(strace(step.kind() + inject, command));
            if (result.status() == KILLED) {
                killed.add(step.kind());
                count++;
                check.afterKill();
            } else {
                // A loop that waits goes round less often at times.
                result.requireStatus(0);
            }
        }
        System.err.println(command + ": killed at " + count + " of " + steps);
        assertThat(killed).containsAll(needed);
        assertThat(count).isGreaterThan(steps.size() / 2);
    }

    /** What changes something, and what is said while the kernel is at work. */
    private static Set<Step> steps(String trace) {
        Map<String, Integer> counted = new HashMap<>();
        Set<Step> steps = new LinkedHashSet<>();
        Matcher call = CALL.matcher(trace);
        boolean atWork = false;
        while (call.find()) {
            String kind = call.group(2);
            String words = kind + " " + call.group(3);
            int number = counted.merge(call.group(1) + kind, 1, Integer::sum);
            if (atWork || !SAYS.matcher(words).matches()) {
                steps.add(new Step(kind, number));
            }
            atWork |= BEGINS_A_TRANSITION.matcher(words).matches();
        }
        return steps;
    }

    private static String strace(String calls, String command) {
        return "strace -f -qq -o /run/trace -e trace=" + calls + " rebootless " + command;
    }

    private List<String> installed() throws Exception {
        return host().run(INSTALLED).requireStatus(0).out().lines().toList();
    }

    private void requireNothingLeftOver(String... modules) throws Exception {
        assertThat(
                        host().run(
                                        "find /var/lib/rebootless -type f -printf '%f\\n' | sed 's/-[0-9a-f]*[.]ko$//' | sort")
                                .out()
                                .lines())
                .containsExactly(modules);
    }

    @Test
    void anInstallationThatIsKilledAnywhereIsNotThereOrWhole() throws Exception {
        String install = "install --unproven /opt/livepatch-first.ko";
        killAtEachStep(
                "rm -rf /var/lib/rebootless; systemctl -q disable rebootless.service",
                install,
                List.of("mkdir", "fsync", "rename"),
                () -> {
                    List<String> now = installed();
                    assertThat(now).isIn(List.of(), List.of("livepatch_first"));
                    assertThat(host().run("rebootless status").requireStatus(0).out())
                            .contains(now.isEmpty() ? "no livepatch" : "at boot  livepatch_first");
                    host().run("rebootless " + install).requireStatus(0);
                    assertThat(installed()).containsExactly("livepatch_first");
                    requireNothingLeftOver("installed.json", "livepatch_first");
                    host().run("systemctl is-enabled rebootless.service").requireStatus(0);
                });
    }

    private static final String INSTALL_FIRST =
            """
            rm -rf /var/lib/rebootless
            if [ -e /run/first.tar ]; then
                tar -C / -xf /run/first.tar
            else
                rebootless install --unproven /opt/livepatch-first.ko
                tar -C / -cf /run/first.tar var/lib/rebootless
            fi
            """;

    @Test
    void anUpgradeThatIsKilledAnywhereLeavesTheOldOrTheNew() throws Exception {
        String install = "install --unproven /opt/livepatch-second.ko";
        killAtEachStep(
                INSTALL_FIRST,
                install,
                List.of("fsync", "rename", "unlink"),
                () -> {
                    assertThat(installed())
                            .isIn(List.of("livepatch_first"), List.of("livepatch_second"));
                    host().run("rebootless " + install).requireStatus(0);
                    assertThat(installed()).containsExactly("livepatch_second");
                    requireNothingLeftOver("installed.json", "livepatch_second");
                });
    }

    @Test
    void anUninstallationThatIsKilledAnywhereIsDoneOrNot() throws Exception {
        killAtEachStep(
                INSTALL_FIRST,
                "uninstall livepatch_first",
                List.of("unlink", "fsync"),
                () -> {
                    boolean there = !installed().isEmpty();
                    DebianGuest.Result again = host().run("rebootless uninstall livepatch_first");
                    again.requireStatus(there ? 0 : 2);
                    assertThat(installed()).isEmpty();
                });
    }

    private static final String UNLOADED =
            """
            for module in first second; do
                if [ -d /sys/module/livepatch_$module ]; then
                    rebootless unload livepatch_$module || exit
                fi
            done
            """;

    /** The kernel goes on by itself. */
    private void waitForTransition() throws Exception {
        host().run(
                        """
                        for i in $(seq 600); do
                            grep -q 1 /sys/kernel/livepatch/*/transition 2>/dev/null || exit 0
                            sleep 0.1
                        done
                        exit 1
                        """)
                .requireStatus(0);
    }

    @Test
    void aLoadThatIsKilledAnywhereIsNotThereOrInForce() throws Exception {
        String load = "load --watch 0 --unproven /opt/livepatch-first.ko";
        Set<Boolean> seen = new TreeSet<>();
        killAtEachStep(
                UNLOADED,
                load,
                List.of("finit_module", "write"),
                () -> {
                    waitForTransition();
                    boolean there = host().run("ls /sys/kernel/livepatch").out().contains("first");
                    assertThat(host().version())
                            .startsWith(there ? HostGuest.FIRST : HostGuest.SHIPPED);
                    host().run("rebootless " + load).requireStatus(there ? 4 : 0);
                    assertThat(host().version()).isEqualTo(HostGuest.FIRST);
                    seen.add(there);
                });
        assertThat(seen).as("killed before and after the kernel took it").hasSize(2);
    }

    @Test
    void aTakeoverThatIsKilledAnywhereLeavesOneOfTheTwoInForce() throws Exception {
        killAtEachStep(
                UNLOADED + "rebootless load --watch 0 --unproven /opt/livepatch-first.ko || exit",
                "load --watch 0 --unproven /opt/livepatch-second.ko",
                List.of("finit_module", "delete_module"),
                () -> {
                    waitForTransition();
                    boolean second =
                            host().run("ls /sys/kernel/livepatch").out().contains("second");
                    assertThat(host().version())
                            .isEqualTo(second ? HostGuest.SECOND : HostGuest.FIRST);
                    // The next call removes what is left of the first.
                    host().run("rebootless unload livepatch_" + (second ? "second" : "first"))
                            .requireStatus(0);
                    assertThat(host().version()).startsWith(HostGuest.SHIPPED);
                    assertThat(host().run("lsmod").out()).doesNotContain("livepatch_");
                });
    }

    @Test
    void anUnloadThatIsKilledAnywhereIsFinishedByTheNext() throws Exception {
        killAtEachStep(
                UNLOADED + "rebootless load --watch 0 --unproven /opt/livepatch-first.ko || exit",
                "unload livepatch_first",
                List.of("write", "delete_module"),
                () -> {
                    waitForTransition();
                    boolean there = host().run("ls /sys/kernel/livepatch").out().contains("first");
                    assertThat(host().version())
                            .startsWith(there ? HostGuest.FIRST : HostGuest.SHIPPED);
                    boolean module = host().run("ls /sys/module").out().contains("livepatch_first");
                    host().run("rebootless unload livepatch_first").requireStatus(module ? 0 : 2);
                    assertThat(host().run("lsmod").out()).doesNotContain("livepatch_");
                });
    }

    /**
     * What the guest had not yet written to its disk is lost. QEMU keeps the order of writes, which
     * a disk need not; that files are forced to the disk before they get their names is what the
     * order of system calls above shows.
     */
    @Test
    void aPowerCutDuringInstallationsLeavesAWholeStore() throws Exception {
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.err.println("seed " + seed + " (-Drebootless.seed)");
        Random random = new Random(seed);
        for (int cut = 0; cut < 4; cut++) {
            host().run(
                            """
                            systemd-run --quiet --collect sh -c '
                            while :; do
                                rebootless install --unproven /opt/livepatch-first.ko
                                rebootless install --unproven /opt/livepatch-second.ko
                                rebootless uninstall livepatch_second
                            done'
                            """);
            Thread.sleep(2000 + random.nextInt(10_000));
            host().guest().cutPower();
            List<String> now = installed();
            System.err.println("after power cut " + cut + ": " + now);
            assertThat(now)
                    .isIn(List.of(), List.of("livepatch_first"), List.of("livepatch_second"));
            // What was installed is loaded.
            assertThat(host().version())
                    .startsWith(
                            now.isEmpty()
                                    ? HostGuest.SHIPPED
                                    : now.getFirst().endsWith("first")
                                            ? HostGuest.FIRST
                                            : HostGuest.SECOND);
            host().run("rebootless install --unproven /opt/livepatch-second.ko").requireStatus(0);
            assertThat(installed()).containsExactly("livepatch_second");
            host().cleanUp();
        }
    }
}
