package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a build hands on to those who decide over a fix, of the stock kernel. */
class ConcernsTest {
    private static final String EVENTFD = "fs/eventfd.c";

    private static final String COUNT =
            "\t*cnt = ((ctx->flags & EFD_SEMAPHORE) && ctx->count) ? 1 : ctx->count;\n";

    @TempDir private Path folder;

    private Path edit(String path, String was, String is) throws IOException {
        return Edits.replace(folder, kit(), path, was, is);
    }

    private static Kit kit() {
        return StockKernelKit.get();
    }

    private Set<Concern> concerns(Path... patches) {
        BuildOutcome outcome =
                new Build(kit(), step -> {}, false)
                        .run(
                                new BuildRequest(
                                        List.of(patches),
                                        folder.resolve("out"),
                                        Optional.of("concerns"),
                                        true,
                                        List.of(),
                                        false,
                                        Optional.empty()));
        return ((BuildOutcome.Built) outcome).concerns();
    }

    @Test
    void aChangeWithinAFunctionIsOfNone() throws IOException {
        assertThat(concerns(edit(EVENTFD, COUNT, COUNT + "\tif (*cnt == 77)\n\t\t*cnt = 76;\n")))
                .isEmpty();
    }

    @Test
    void aLockThatIsNewlyTakenIsOne() throws IOException {
        assertThat(
                        concerns(
                                edit(
                                        EVENTFD,
                                        COUNT,
                                        "\tif (spin_trylock(&ctx->wqh.lock))\n"
                                                + "\t\tspin_unlock(&ctx->wqh.lock);\n"
                                                + COUNT)))
                .containsExactly(Concern.LOCKS);
    }

    @Test
    void aMemberThatChangesItsSignIsOne() throws IOException {
        assertThat(
                        concerns(
                                edit(EVENTFD, "\tint id;\n};\n", "\tunsigned int id;\n};\n"),
                                edit(EVENTFD, COUNT, COUNT + "\t*cnt += ctx->id > 77;\n")))
                .contains(Concern.TYPES);
    }

    @Test
    void anotherTypeOfAFunctionIsOne() throws IOException {
        String was = "int vlan_check_real_dev(struct net_device *real_dev,\n";
        assertThat(
                        concerns(
                                edit("net/8021q/vlan.h", was, was.replace("int vlan", "long vlan")),
                                edit("net/8021q/vlan.c", was, was.replace("int vlan", "long vlan")),
                                edit(
                                        "net/8021q/vlan.c",
                                        "\tconst char *name = real_dev->name;\n",
                                        "\tconst char *name = real_dev->name;\n\n"
                                                + "\tif (vlan_id >= VLAN_N_VID)\n\t\treturn -ERANGE;\n")))
                .containsExactly(Concern.SIGNATURES);
    }

    @Test
    void theMainFunctionOfAKernelThreadIsOne() throws IOException {
        assertThat(
                        concerns(
                                edit(
                                        "kernel/audit.c",
                                        "static int kauditd_thread(void *dummy)\n{\n",
                                        "static int kauditd_thread(void *dummy)\n{\n\tif (dummy)\n\t\treturn 77;\n")))
                .contains(Concern.KERNEL_THREAD);
    }
}
