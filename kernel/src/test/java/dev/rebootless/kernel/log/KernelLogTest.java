package dev.rebootless.kernel.log;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KernelLogTest {
    private final KernelLog log = new KernelLog();

    @Test
    void whatAHealthyBootWithALivepatchPrintsIsNoProblem() {
        // Taken from boots of 6.1 on the three CPU models.
        read(
                """
                [    0.044000] tsc: Unable to calibrate against PIT
                [    0.015797] Speculative Return Stack Overflow: IBPB-extending microcode not applied!
                [    0.017082] Speculative Return Stack Overflow: WARNING: See https://kernel.org/doc/html/latest/admin-guide/hw-vuln/srso.html for mitigation options.
                [    0.021868] RETBleed: WARNING: Spectre v2 mitigation leaves CPU vulnerable to RETBleed attacks, data leaks possible!
                [    0.449195] APIC calibration not consistent with PM-Timer: 98ms instead of 100ms
                [    0.964241] mtrr: your CPUs had inconsistent fixed MTRR settings
                [    1.310397] acpi PNP0A03:00: fail to add MMCONFIG information, can't access extended PCI configuration space under this bridge.
                [    2.442944] Unstable clock detected, switching default tracing clock to "global"
                [    3.000000] lab_good: loading out-of-tree module taints kernel.
                [    3.000100] lab_good: tainting kernel with TAINT_LIVEPATCH
                [    3.000200] lab_good: module verification failed: signature and/or required key missing - tainting kernel
                [    3.010000] livepatch: enabling patch 'lab_good'
                [    3.020000] livepatch: 'lab_good': starting patching transition
                [   18.020000] livepatch: signaling remaining tasks
                [   19.020000] livepatch: 'lab_good': patching complete
                [   20.106682] reboot: Power down
                """);
        assertThat(log.problems()).isEmpty();
        assertThat(log.fatal()).isFalse();
    }

    @Test
    void aWarningIsOneProblemWithItsWholeReportAndNothingElse() {
        read(
                """
                [    4.1] something before
                [    4.2] ------------[ cut here ]------------
                [    4.2] WARNING: CPU: 0 PID: 152 at lab.c:6 replacement+0x1f/0x34 [lab]
                [    4.2] Modules linked in: lab(OEK)
                [    4.2] Call Trace:
                [    4.2]  <TASK>
                [    4.2]  ? can't say
                [    4.2]  </TASK>
                [    4.2] ---[ end trace 0000000000000000 ]---
                [    4.3] something after
                """);
        assertThat(log.problems()).hasSize(1);
        Complaint problem = log.problems().getFirst();
        assertThat(problem.kind()).isEqualTo("warning");
        assertThat(problem.source()).isEqualTo("kernel/panic.c");
        assertThat(problem.lines())
                .startsWith("WARNING: CPU: 0 PID: 152 at lab.c:6 replacement+0x1f/0x34 [lab]")
                .endsWith("---[ end trace 0000000000000000 ]---")
                .hasSize(7);
        assertThat(log.fatal()).isFalse();
    }

    @Test
    void anOopsAndThePanicAfterItAreTwoProblemsAndTheKernelIsLost() {
        read(
                """
                [    4.2][  T152] BUG: kernel NULL pointer dereference, address: 0000000000000008
                [    4.2][  T152] #PF: supervisor read access in kernel mode
                [    4.2][  T152] Oops: 0000 [#1] PREEMPT SMP NOPTI
                [    4.2][  T152] Call Trace:
                [    4.2][  T152] ---[ end trace 0000000000000000 ]---
                [    4.3][    T1] Kernel panic - not syncing: Fatal exception
                """);
        assertThat(log.problems()).extracting(Complaint::kind).containsExactly("oops", "panic");
        assertThat(log.problems().getFirst().lines()).hasSize(5);
        assertThat(log.fatal()).isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "warning|WARNING: CPU: 1 PID: 7 at mm/slub.c:12 kfree+0x1/0x2",
                "warning|WARNING: mm/slub.c:12 at kfree+0x1/0x2, CPU#1: cat/7",
                "bug|kernel BUG at mm/slub.c:12!",
                "oops|BUG: unable to handle page fault for address: ffffffffc0000000",
                "oops|invalid opcode: 0000 [#1] PREEMPT SMP NOPTI",
                "general-protection-fault|general protection fault, probably for non-canonical address 0x1: 0000 [#1] SMP",
                "unpatched-return-thunk|Unpatched return thunk in use. This should not happen!",
                "control-protection-fault|Missing ENDBR: pipe_read+0x0/0x460",
                "rcu-stall|rcu: INFO: rcu_preempt self-detected stall on CPU",
                "rcu-stall|rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
                "hung-task|INFO: task cat:12 blocked for more than 120 seconds.",
                "soft-lockup|watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [cat:12]",
                "sleep-in-atomic|BUG: sleeping function called from invalid context at mm/slab.h:274",
                "bad-page|BUG: Bad page state in process cat  pfn:1",
                "livepatch|livepatch: failed to find location for function 'x'",
                "livepatch|livepatch: symbol 'x' not found in symbol table",
                "livepatch|livepatch: unresolvable ambiguity for symbol 'x' in object 'vmlinux'",
                "livepatch|livepatch: failed to enable patch 'x'",
                "module|lab: Unknown symbol nothing (err -2)",
                "module-versions|lab: no symbol version for module_layout",
                "module-relocation|x86/modules: Skipping invalid relocation target, existing value is nonzero for type 1",
                "user-fault|cat[12]: segfault at 0 ip 0000000000000000 sp 00007ffd error 14",
                "user-fault|traps: cat[12] general protection fault ip:1 sp:2 error:0",
                "out-of-memory|cat invoked oom-killer: gfp_mask=0x1100cca(GFP_HIGHUSER_MOVABLE), order=0",
                "unwinder|WARNING: can't access registers at entry_SYSCALL_64+0x1/0x2",
                "call-trace|Call Trace:",
                "panic|Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b",
            })
    void eachSymptomIsKnownByItsName(String kind, String line) {
        log.accept("[    1.234567] " + line);
        assertThat(log.problems()).singleElement().extracting(Complaint::kind).isEqualTo(kind);
    }

    @Test
    void aFloodOfWarningsStaysBounded() {
        for (int i = 0; i < 200_000; i++) {
            log.accept("[    1.0] WARNING: CPU: 0 PID: 1 at x.c:" + i + " f+0x1/0x2");
            log.accept("[    1.0] register " + i);
        }
        assertThat(log.problems()).hasSizeLessThanOrEqualTo(32);
        assertThat(log.problems().stream().mapToInt(problem -> problem.lines().size()).sum())
                .isLessThanOrEqualTo(32 * 80);
        assertThat(log.lastLines()).hasSize(40);
    }

    @Test
    void noBytesOnTheConsoleEndInAFault() {
        long seed = System.nanoTime();
        System.err.println("seed " + seed);
        Random random = new Random(seed);
        byte[] noise = new byte[4 << 20];
        random.nextBytes(noise);
        // A long stretch without a line end, too.
        java.util.Arrays.fill(noise, 1 << 20, 2 << 20, (byte) '[');
        new String(noise, StandardCharsets.ISO_8859_1).lines().forEach(log::accept);
        assertThat(log.lastLines()).hasSize(40);
    }

    private void read(String text) {
        text.lines().forEach(log::accept);
    }
}
