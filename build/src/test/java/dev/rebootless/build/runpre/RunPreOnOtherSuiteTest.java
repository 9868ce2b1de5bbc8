package dev.rebootless.build.runpre;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * As {@link RunPreWithIbtTest}, on a kernel of another suite of Debian than this machine's: its
 * units, compiled here by that suite's compiler, are the shipped code.
 */
@Tag("long")
final class RunPreOnOtherSuiteTest {
    private final StockKit kit = StockKit.newest("6.12", "trixie");

    @ParameterizedTest
    @ValueSource(strings = {"fs/proc/meminfo.c", "net/ipv4/tcp_input.c", "net/8021q/vlanproc.c"})
    void everyFunctionIsProvenButWeakOnesThatAStrongOneOverrides(String unit) {
        assertThat(kit.compiler().compiler().version())
                .isEqualTo(kit.kit().facts().compiler().version());
        check(unit);
    }

    /** One or two of each folder of the kernel, built into vmlinux or into modules. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "arch/x86/kernel/process_64.c",
                "arch/x86/mm/fault.c",
                "block/blk-core.c",
                "block/blk-mq.c",
                "crypto/algapi.c",
                "drivers/base/core.c",
                "drivers/block/loop.c",
                "drivers/char/random.c",
                "drivers/net/virtio_net.c",
                "drivers/nvme/host/core.c",
                "drivers/pci/probe.c",
                "drivers/tty/n_tty.c",
                "fs/btrfs/inode.c",
                "fs/dcache.c",
                "fs/ext4/inode.c",
                "fs/namei.c",
                "fs/nfsd/nfs4state.c",
                "fs/smb/client/connect.c",
                "ipc/msg.c",
                "kernel/bpf/verifier.c",
                "kernel/fork.c",
                "kernel/sched/core.c",
                "kernel/time/timer.c",
                "lib/iov_iter.c",
                "mm/memory.c",
                "mm/vmscan.c",
                "net/core/skbuff.c",
                "net/netfilter/nf_tables_api.c",
                "net/sctp/socket.c",
                "net/unix/af_unix.c",
                "security/keys/keyctl.c",
                "security/selinux/hooks.c"
            })
    void everyFunctionOfUnitsAllOverTheKernelIsProven(String unit) {
        check(unit);
    }

    private void check(String unit) {
        StockKit.Verdict verdict = kit.matchAll(unit);

        System.out.println("run-pre " + unit + ": " + verdict.functions() + " functions");
        assertThat(verdict.functions()).isPositive();
        assertThat(verdict.unproven())
                .allSatisfy(function ->
                        assertThat(kit.isOverridden(function))
                                .as("%s is weak and overridden", function.name())
                                .isTrue());
    }
}
