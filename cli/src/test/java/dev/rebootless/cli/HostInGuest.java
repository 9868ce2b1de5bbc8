package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * The host's commands as they are packaged, in a Debian with systemd that runs a shipped kernel.
 * One guest serves all tests; each leaves it without livepatches.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class HostInGuest {
    /**
     * A process that waits in kernel_clone(), where no signal wakes it, until its child ends:
     * clone(2) with CLONE_VFORK and SIGCHLD.
     */
    private static final String SITS_IN_CLONE =
            """
            perl -e 'my $p = syscall(56, 0x4011, 0, 0, 0, 0); if ($p == 0) { sleep 300 }' &
            """;

    private static final String FORK = "kernel/fork.c";

    /** In kernel_clone(). */
    private static final String SETTID = "\tif (clone_flags & CLONE_PARENT_SETTID)\n";

    private static final String PANICS = "\tpanic(\"this livepatch crashes on purpose\\n\");\n";

    private static final String SHOW = "fs/proc/version.c";
    private static final String SHOWS =
            "static int version_proc_show(struct seq_file *m, void *v)\n{\n";

    /** Nothing has set it: the address is 8. */
    private static final String OOPSES = "\t((volatile int *)m->private)[2] = 1;\n";

    private static final String WARNS = "\tWARN_ON(!m->private);\n";

    private final String line;

    private @Nullable HostGuest booted;

    HostInGuest(String line) {
        this.line = line;
    }

    @BeforeAll
    void bootTheGuest(@TempDir Path temporary) throws Exception {
        GuestFiles files = new GuestFiles(line, temporary).twoVersions();
        List<Path> other = List.of(GuestFiles.patch("key-users-total"));
        files.livepatch("other", other).livepatch("stacked", other, "--no-replace");
        // A change that nobody sees.
        String unseen = SETTID.replace("SETTID)", "SETTID && args->exit_signal != 63)");
        files.livepatch("clone", FORK, SETTID, unseen);
        files.livepatch("oops", SHOW, SHOWS, SHOWS + OOPSES);
        files.livepatch("warn", SHOW, SHOWS, SHOWS + WARNS);
        files.livepatch("crash", FORK, SETTID, PANICS + SETTID);
        booted = files.kernelsSample().boot();
    }

    private HostGuest host() {
        return Objects.requireNonNull(booted);
    }

    private DebianGuest guest() {
        return host().guest();
    }

    @AfterEach
    void nothingIsLeftAndTheKernelHasNotComplained() throws Exception {
        DebianGuest.Result list = guest().run("rebootless list; lsmod | grep -c livepatch_");
        // A test that failed must not make the next ones fail.
        host().cleanUp();
        assertThat(list.out()).isEqualTo("no livepatch is loaded\n0\n");
        host().requireCleanLog();
    }

    @AfterAll
    void shutDown() throws Exception {
        // It is not there when it did not come up, which is what is told then.
        if (booted != null) {
            booted.close();
        }
    }

    private String version() throws Exception {
        return host().version();
    }

    private DebianGuest.Result rebootless(String arguments) throws Exception {
        return host().rebootless(arguments);
    }

    @Test
    void aLivepatchIsLoadedShownAndUnloaded() throws Exception {
        assertThat(version()).startsWith(HostGuest.SHIPPED);
        DebianGuest.Result load = rebootless("load --watch 0 --unproven /opt/livepatch-first.ko");
        load.requireStatus(0);
        assertThat(load.err())
                .contains("livepatch_first is in force after ")
                .doesNotContain("  unknown  ", "  refused  ");
        assertThat(version()).isEqualTo(HostGuest.FIRST);
        assertThat(rebootless("status --functions").requireStatus(0).out())
                .contains("livepatch_first  in force  replace  1 function  CVE-2099-0001\n")
                .contains("CVE-2099-0001  closed  livepatch_first\n")
                .contains("vmlinux  version_proc_show  patched  livepatch_first\n");
        assertThat(Cli.schemaErrors("status", rebootless("status --json").out())).isEmpty();
        assertThat(Cli.schemaErrors("list", rebootless("list --json").out())).isEmpty();
        assertThat(rebootless("unload livepatch_first").requireStatus(0).err())
                .endsWith("livepatch_first is removed\n");
        assertThat(version()).startsWith(HostGuest.SHIPPED);
    }

    @Test
    void whatHappensComesAsLinesOfJsonAsItHappens() throws Exception {
        DebianGuest.Result load =
                rebootless("load --watch 0 --unproven --json /opt/livepatch-first.ko");
        load.requireStatus(0);
        List<String> lines = load.out().lines().collect(Collectors.toCollection(ArrayList::new));
        lines.addAll(rebootless("unload --json livepatch_first").out().lines().toList());
        assertThat(lines).hasSizeGreaterThanOrEqualTo(5);
        for (String each : lines) {
            assertThat(Cli.schemaErrors("host-event", each)).as(each).isEmpty();
        }
        assertThat(lines.getLast())
                .isEqualTo(
                        "{\"schemaVersion\":1,\"event\":\"removed\",\"livepatch\":\"livepatch_first\"}");
    }

    @Test
    void aLaterOneTakesOverAndTheEarlierModuleGoes() throws Exception {
        rebootless("load --watch 0 --unproven /opt/livepatch-first.ko").requireStatus(0);
        rebootless("load --watch 0 --unproven /opt/livepatch-second.ko").requireStatus(0);
        assertThat(version()).isEqualTo(HostGuest.SECOND);
        assertThat(guest().run("lsmod").out())
                .contains("livepatch_second")
                .doesNotContain("livepatch_first");
        // What would lose functions or CVEs is not loaded.
        assertThat(
                        rebootless("load --watch 0 --unproven /opt/livepatch-other.ko")
                                .requireStatus(4)
                                .err())
                .contains("RBL-HOST-REGRESSION", "CVE-2099-0002", "vmlinux:version_proc_show");
        assertThat(version()).isEqualTo(HostGuest.SECOND);
        rebootless("unload livepatch_second").requireStatus(0);
    }

    @Tag("long")
    @Test
    void aStackedOneComesAndGoesAboveIt() throws Exception {
        rebootless("load --watch 0 --unproven /opt/livepatch-first.ko").requireStatus(0);
        rebootless("load --watch 0 --unproven /opt/livepatch-stacked.ko").requireStatus(0);
        assertThat(rebootless("list").out().lines().toList())
                .hasSize(2)
                .last()
                .asString()
                .startsWith("livepatch_stacked  in force  stacked");
        rebootless("unload livepatch_stacked").requireStatus(0);
        assertThat(version()).isEqualTo(HostGuest.FIRST);
        rebootless("unload livepatch_first").requireStatus(0);
    }

    @Test
    void whatNoBootHasProvenIsRefused() throws Exception {
        assertThat(rebootless("load --watch 0 /opt/livepatch-first.ko").requireStatus(4).err())
                .contains("RBL-HOST-UNPROVEN");
    }

    @Test
    void whoIsNotRootMayLookAndNotTouch() throws Exception {
        String nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups ";
        assertThat(guest().run(nobody + "rebootless status").requireStatus(0).out())
                .contains("no livepatch is loaded");
        assertThat(
                        guest().run(
                                        nobody
                                                + "rebootless load --watch 0 --unproven /opt/livepatch-first.ko")
                                .requireStatus(5)
                                .err())
                .contains("RBL-HOST-NOT-ROOT");
    }

    @Test
    void damagedAndForeignFilesAreRefused() throws Exception {
        guest().run("head -c 3000 /opt/livepatch-first.ko >/run/cut.ko; echo text >/run/text.ko");
        assertThat(rebootless("load --watch 0 --unproven /run/cut.ko").requireStatus(2).err())
                .contains("RBL-KERNEL-MODULE");
        assertThat(rebootless("load --watch 0 --unproven /run/text.ko").requireStatus(2).err())
                .contains("RBL-KERNEL-MODULE");
        assertThat(
                        rebootless("load --watch 0 --unproven /opt/livepatch-sample.ko")
                                .requireStatus(4)
                                .err())
                .contains("RBL-HOST-FOREIGN-MODULE");
    }

    @Tag("long")
    @Test
    void theKernelsOwnSampleIsShownAndNotCountedAndNotReplacedWithoutTheFlag() throws Exception {
        guest().run("insmod /opt/livepatch-sample.ko").requireStatus(0);
        guest().run("until grep -q 0 /sys/kernel/livepatch/*/transition; do sleep 0.1; done");
        assertThat(guest().run("cat /proc/cmdline").out())
                .isEqualTo("this has been live patched\n");
        assertThat(rebootless("status --functions").out())
                .contains("livepatch_sample  in force  ", "  1 function  foreign\n")
                .contains("vmlinux  cmdline_proc_show  patched  livepatch_sample\n")
                .doesNotContain("CVE-");
        assertThat(
                        rebootless("load --watch 0 --unproven /opt/livepatch-first.ko")
                                .requireStatus(4)
                                .err())
                .contains("RBL-HOST-REPLACES-FOREIGN");
        rebootless("load --watch 0 --unproven --replace-foreign /opt/livepatch-first.ko")
                .requireStatus(0);
        assertThat(rebootless("list").out()).doesNotContain("livepatch_sample");
        assertThat(guest().run("cat /proc/cmdline").out()).startsWith("console=");
        rebootless("unload livepatch_first").requireStatus(0);
        // Whoever made it: it is unloaded like another.
        guest().run("insmod /opt/livepatch-sample.ko").requireStatus(0);
        rebootless("unload livepatch_sample").requireStatus(0);
    }

    @Tag("long")
    @Test
    void aProbeOnTheFunctionIsWarnedOf() throws Exception {
        String probes = "/sys/kernel/tracing/kprobe_events";
        String enable = "/sys/kernel/tracing/events/kprobes/here/enable";
        guest().run("echo p:here version_proc_show >" + probes + " && echo 1 >" + enable)
                .requireStatus(0);
        assertThat(
                        rebootless("load --watch 0 --unproven /opt/livepatch-first.ko")
                                .requireStatus(0)
                                .err())
                .contains("  warning  probes: ", "version_proc_show");
        rebootless("unload livepatch_first").requireStatus(0);
        guest().run("echo 0 >" + enable + " && echo >" + probes).requireStatus(0);
    }

    @Test
    void aStalledTransitionIsShownCancelledAndLeavesAllAsItWas() throws Exception {
        guest().run(SITS_IN_CLONE);
        DebianGuest.Result load =
                rebootless("load --watch 0 --unproven --timeout 4 /opt/livepatch-clone.ko");
        load.requireStatus(7);
        assertThat(load.err())
                .contains("livepatch_clone: 1 task is left after ")
                .containsPattern("  perl \\(\\d+\\) in kernel_clone: ")
                .contains("RBL-HOST-STALLED")
                .contains("livepatch_clone is removed");
        guest().run("pkill perl");
    }

    @Tag("long")
    @Test
    void aCancellationThatStallsIsFinishedByATimer() throws Exception {
        DebianGuest.Result load =
                guest().run(
                                SITS_IN_CLONE
                                        + """
                                        sleep 0.5
                                        rebootless load --watch 0 --unproven --timeout 6 /opt/livepatch-clone.ko 2>/run/load &
                                        load=$!
                                        # As soon as this shell is on the new side, so are its children.
                                        until [ "$(cat /proc/$$/patch_state)" = 1 ]; do sleep 0.1; done
                                        """
                                        + SITS_IN_CLONE
                                        + "wait $load; status=$?; cat /run/load; exit $status");
        System.err.println(load.out());
        load.requireStatus(7);
        assertThat(load.out())
                .contains("RBL-HOST-CANCEL-STALLED")
                .containsPattern(
                        "tasks do not leave it within 6 s: 1 task is left: perl \\(\\d+\\) in")
                .contains("removes it");
        // Meanwhile nobody else gets in the way.
        assertThat(
                        rebootless("load --watch 0 --unproven /opt/livepatch-first.ko")
                                .requireStatus(4)
                                .err())
                .contains("RBL-HOST-TRANSITION");
        guest().run("pkill perl");
        guest().run("until ! lsmod | grep -q livepatch_clone; do sleep 1; done").requireStatus(0);
    }

    @Tag("long")
    @Test
    void twoCallsAtOnceDoNotMix() throws Exception {
        guest().run(SITS_IN_CLONE);
        DebianGuest.Result both =
                guest().run(
                                """
                                rebootless load --watch 0 --unproven --timeout 8 /opt/livepatch-clone.ko 2>/run/one &
                                one=$!
                                until [ -d /sys/kernel/livepatch/livepatch_clone ]; do sleep 0.1; done
                                rebootless load --watch 0 --unproven /opt/livepatch-first.ko 2>&1
                                echo "second $?"
                                pkill perl
                                wait $one
                                echo "first $?"
                                """);
        assertThat(both.out()).contains("RBL-HOST-BUSY", "second 4\n", "first 0\n");
        rebootless("unload livepatch_clone").requireStatus(0);
    }

    @Tag("long")
    @Test
    void aTransitionThatIsRunningIsCancelled() throws Exception {
        guest().run(SITS_IN_CLONE + "sleep 0.5; insmod /opt/livepatch-clone.ko").requireStatus(0);
        assertThat(rebootless("status").out()).contains("livepatch_clone  coming");
        rebootless("cancel").requireStatus(0);
        guest().run("pkill perl");
        rebootless("cancel").requireStatus(3);
    }

    /** As soon as the livepatch is in force, somebody reads. */
    private static String loadAndRead(String options, String module) {
        return """
        (until grep -q 0 /sys/kernel/livepatch/%s/transition; do sleep 0.1; done; sleep 1; cat /proc/version) 2>&1 &
        rebootless load --unproven %s /opt/%s.ko 2>&1
        status=$?
        wait
        exit $status
        """
                .formatted(module.replace('-', '_'), options, module);
    }

    @Test
    void anOopsInTheReplacedFunctionTakesItOutAndIsKept() throws Exception {
        DebianGuest.Result load = guest().run(loadAndRead("--watch 20", "livepatch-oops"));
        System.err.println(load.out());
        load.requireStatus(7);
        assertThat(load.out())
                .contains("the kernel complains (oops), in the code of livepatch_oops")
                .contains("RBL-HOST-OOPS", "livepatch_oops is removed");
        assertThat(guest().run("cat /var/lib/rebootless/evidence/livepatch_oops-*").out())
                .contains("RIP: 0010:version_proc_show+", "[livepatch_oops]");
        assertThat(version()).startsWith(HostGuest.SHIPPED);
        // It was meant; what comes at the end is not.
        guest().run("dmesg -C");
    }

    @Tag("long")
    @Test
    void aWarningInItIsReportedOnly() throws Exception {
        DebianGuest.Result load = guest().run(loadAndRead("--watch 6", "livepatch-warn"));
        System.err.println(load.out());
        load.requireStatus(0);
        assertThat(load.out())
                .contains("the kernel complains (warning), in the code of livepatch_warn");
        assertThat(rebootless("list").out()).contains("livepatch_warn  in force");
        rebootless("unload livepatch_warn").requireStatus(0);
        guest().run("dmesg -C");
    }

    @Tag("long")
    @Test
    void whatIsInstalledIsLoadedEarlyAtEachBootUntilItIsUninstalled() throws Exception {
        assertThat(rebootless("install /opt/livepatch-first.ko").requireStatus(4).err())
                .contains("RBL-HOST-UNPROVEN");
        rebootless("install --unproven /opt/livepatch-first.ko").requireStatus(0);
        assertThat(version()).as("nothing is loaded now").startsWith(HostGuest.SHIPPED);
        // The second has all of the first, and takes its place.
        assertThat(rebootless("install --unproven /opt/livepatch-second.ko").requireStatus(0).err())
                .contains("in place of livepatch_first");
        assertThat(rebootless("install --unproven /opt/livepatch-first.ko").requireStatus(4).err())
                .contains("RBL-HOST-REGRESSION");

        guest().reboot();
        assertThat(version()).isEqualTo(HostGuest.SECOND);
        assertThat(rebootless("status").out())
                .contains("livepatch_second  in force")
                .contains("at boot  livepatch_second\n");
        assertThat(guest().run("systemctl show -p Before rebootless.service").out())
                .contains("network-pre.target");
        assertThat(guest().run("systemctl is-active rebootless.service").out())
                .isEqualTo("active\n");
        assertThat(guest().run("cat /var/lib/rebootless/boot-attempt").out())
                .endsWith(" livepatch_second\n");

        // A stop in good order is no crash, however soon it comes.
        guest().reboot();
        assertThat(version()).isEqualTo(HostGuest.SECOND);

        guest().setKernelParameters("rebootless.enable=0");
        guest().reboot();
        assertThat(version()).startsWith(HostGuest.SHIPPED);
        guest().setKernelParameters("");

        rebootless("uninstall livepatch_second").requireStatus(0);
        assertThat(rebootless("uninstall livepatch_second").requireStatus(2).err())
                .contains("RBL-HOST-NOT-INSTALLED");
        guest().reboot();
        assertThat(version()).startsWith(HostGuest.SHIPPED);
        assertThat(guest().run("find /var/lib/rebootless -name '*.ko'").out()).isEmpty();
    }

    @Tag("long")
    @Test
    void whatCrashesTheBootIsSkippedAtTheNextAndSaidToBe() throws Exception {
        rebootless("install --unproven /opt/livepatch-crash.ko").requireStatus(0);
        guest().rebootThroughACrash();
        assertThat(rebootless("status").out())
                .contains("no livepatch is loaded")
                .containsPattern("at boot  livepatch_crash  skipped: the boot \\S+ failed after");
        rebootless("uninstall livepatch_crash").requireStatus(0);
    }

    /** A cache that does not fit is left out without a word: the flag makes that an error. */
    @Test
    void theCacheOfLoadedClassesIsInUse() throws Exception {
        guest().run(
                        """
                        sed 's/-XX:AOTCache/-XX:AOTMode=on -XX:AOTCache/' /usr/bin/rebootless >/run/strict
                        grep -q AOTMode=on /run/strict && sh /run/strict status
                        """)
                .requireStatus(0);
    }
}
