package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Subprocess;
import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A patch that only adds a blank line above each function of its units changes nothing: as {@link
 * IdentityTest}, by way of the whole command, on a kernel of another suite of Debian.
 */
@Tag("long")
class IdentityOnOtherSuiteTest {
    @TempDir Path folder;

    private final Kit kit =
            StockKernelKit.ofSuite(StockKernelKit.IBT_LINE, StockKernelKit.OTHER_SUITE);

    @Test
    void blankLinesChangeNothing() throws IOException {
        requireUnchanged(List.of("fs/proc/meminfo.c", "net/8021q/vlanproc.c"));
    }

    /** Of all folders, in vmlinux and in modules. */
    @Test
    void blankLinesInUnitsAllOverTheKernelChangeNothing() throws IOException {
        requireUnchanged(
                List.of(
                        "arch/x86/kernel/process_64.c",
                        "arch/x86/mm/mmap.c",
                        "block/blk-core.c",
                        "block/bio.c",
                        "crypto/algapi.c",
                        "drivers/base/core.c",
                        "drivers/block/loop.c",
                        "drivers/char/random.c",
                        "drivers/net/virtio_net.c",
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
                        "kernel/sys.c",
                        "kernel/time/timer.c",
                        "lib/iov_iter.c",
                        "mm/memory.c",
                        "mm/vmscan.c",
                        "net/core/skbuff.c",
                        "net/ipv4/tcp_input.c",
                        "net/netfilter/nf_tables_api.c",
                        "net/sctp/socket.c",
                        "net/unix/af_unix.c",
                        "security/keys/keyctl.c",
                        "security/selinux/hooks.c"));
    }

    private void requireUnchanged(List<String> units) throws IOException {
        Path patch = folder.resolve("blank-lines.patch");
        Path one = folder.resolve("one.patch");
        StringBuilder text = new StringBuilder();
        for (String unit : units) {
            Path original = kit.tree().resolve(unit);
            Path edited = folder.resolve("edited.c");
            Files.writeString(
                    edited,
                    IdentityTest.withBlankLines(
                            Files.readString(original, StandardCharsets.ISO_8859_1)),
                    StandardCharsets.ISO_8859_1);
            // Into a file: the bytes of a source are not UTF-8 everywhere (kernel/sys.c).
            Subprocess.Result diff =
                    Subprocess.of(
                                    "sh",
                                    "-c",
                                    "diff -u --label=\"a/$1\" --label=\"b/$1\" \"$2\" \"$3\" >\"$4\"",
                                    "diff",
                                    unit,
                                    original.toString(),
                                    edited.toString(),
                                    one.toString())
                            .run();
            String changes = Files.readString(one, StandardCharsets.ISO_8859_1);
            assertThat(changes).as("%s: %s", unit, diff.err()).contains("\n+\n");
            text.append(changes);
        }
        Files.writeString(patch, text, StandardCharsets.ISO_8859_1);
        assertThat(new Build(kit, System.out::println, true).explain(List.of(patch)))
                .isInstanceOf(BuildOutcome.Unchanged.class);
    }
}
