package dev.rebootless.build.exposure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.source.history.SourceIndex;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TitleNamesTest {
    @TempDir private Path folder;

    private TitleNames titles() throws IOException {
        Map<String, String> files =
                Map.of(
                        "net/netfilter/nf_conntrack_sip.c", "sip_skip_whitespace",
                        "drivers/usb/serial/digi_acceleport.c", "digi_open",
                        "drivers/net/a.c", "remove_it",
                        "drivers/usb/b.c", "remove_it",
                        "mm/util.c", "kmemdup_it",
                        "security/selinux/xfrm.c", "selinux_xfrm_alloc",
                        "net/xfrm/xfrm_state.c", "xfrm_state_find",
                        "arch/arm64/kernel/setup.c", "only_on_arm64",
                        "kernel/trace/trace.c", "trace_open_it");
        Path tree = folder.resolve("tree");
        for (Map.Entry<String, String> file : files.entrySet()) {
            Path path = tree.resolve(file.getKey());
            Files.createDirectories(path.resolveSibling("."));
            Files.writeString(
                    path, "static int " + file.getValue() + "(void)\n{\n\treturn 0;\n}\n");
        }
        return new TitleNames(SourceIndex.of(tree, folder.resolve("cache"), message -> {}));
    }

    @Test
    void aFunctionThatTheTitleNamesLeadsToTheFileThatDefinesIt() throws IOException {
        assertThat(
                        titles().functions(
                                        "netfilter: nf_conntrack_sip: fix OOB read in sip_skip_whitespace()"))
                .hasEntrySatisfying(
                        "sip_skip_whitespace",
                        files ->
                                assertThat(files)
                                        .containsExactly("net/netfilter/nf_conntrack_sip.c"));
    }

    @Test
    void ofNamesakesTheOneOfTheTitlesSubsystemIsMeantAndWithoutOneNone() throws IOException {
        assertThat(titles().functions("USB: fix use-after-free in remove_it()"))
                .hasEntrySatisfying(
                        "remove_it", files -> assertThat(files).containsExactly("drivers/usb/b.c"));
        assertThat(titles().functions("fix use-after-free in remove_it()")).isEmpty();
    }

    @Test
    void aFunctionOfAnotherSubsystemIsOnlyCalled() throws IOException {
        assertThat(titles().functions("USB: serial: use kmemdup_it() for the table")).isEmpty();
    }

    @Test
    void theTreesWordForASubsystemIsKnown() throws IOException {
        assertThat(titles().functions("tracing: fix a leak in trace_open_it()")).isNotEmpty();
    }

    @Test
    void whatOtherArchitecturesDefineIsNotMeant() throws IOException {
        assertThat(titles().functions("arm64: setup: fix only_on_arm64()")).isEmpty();
    }

    @Test
    void theFileOfTheInnermostSubsystemsNameIsMeant() throws IOException {
        assertThat(titles().file("USB: serial: digi_acceleport: fix broken rx after throttle"))
                .contains("drivers/usb/serial/digi_acceleport.c");
    }

    @Test
    void aFileIsNotMeantWhereAFolderHasTheName() throws IOException {
        assertThat(titles().file("xfrm: fix stale skb->prev")).isEmpty();
    }

    @Test
    void aTitleWithoutSubsystemOrFunctionNamesNothing() throws IOException {
        assertThat(titles().file("fix a leak")).isEmpty();
        assertThat(titles().functions("fix a leak")).isEmpty();
        assertThat(titles().folders("fix a leak")).isEmpty();
    }
}
