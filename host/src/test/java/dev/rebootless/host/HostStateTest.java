package dev.rebootless.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.HostState.Closed;
import dev.rebootless.host.HostState.FunctionState;
import dev.rebootless.host.HostState.Running;
import dev.rebootless.host.LoadedLivepatch.Origin;
import dev.rebootless.manifest.Manifest;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostStateTest {
    private static final String CVE = "CVE-2026-1";

    @TempDir Path root;
    private FakeHost host;

    @BeforeEach
    void makeHost() {
        host = new FakeHost(root);
    }

    private static Manifest manifest(String name, boolean replace, String... functions) {
        return Manifests.of(name, replace, List.of(CVE), List.of(), functions);
    }

    private HostState state() {
        return HostState.read(host.files());
    }

    private HostState.CveState cve() {
        return Objects.requireNonNull(state().cves().get(CVE));
    }

    private Closed closed() {
        return cve().closed();
    }

    @Test
    void aHostWithoutLivepatchesHasNone() {
        assertThat(state().livepatches()).isEmpty();
        assertThat(state().kernel().release()).isEqualTo(Manifests.RELEASE);
        assertThat(state().kernel().buildId()).contains(Manifests.BUILD_ID);
    }

    @Test
    void aKernelWithoutLivepatchingIsSaidToLackIt() {
        host.remove("/sys/kernel/livepatch");
        assertThatThrownBy(this::state)
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e -> {
                            assertThat(e.status()).isEqualTo(ExitStatus.ENVIRONMENT);
                            assertThat(e.problems().getFirst().code())
                                    .isEqualTo("RBL-HOST-NO-LIVEPATCH");
                        });
    }

    @Test
    void aLivepatchInForceClosesItsCve() {
        host.livepatch(manifest("fix", true, "do_open", "do_read"), false);
        LoadedLivepatch livepatch = state().livepatches().getFirst();
        assertThat(livepatch.name()).isEqualTo("livepatch_fix");
        assertThat(livepatch.origin()).isInstanceOf(Origin.Ours.class);
        // The kernel has no such attribute before 6.14; the manifest says it.
        assertThat(livepatch.replace()).contains(true);
        assertThat(state().functions())
                .containsExactly(
                        new FunctionState(
                                "vmlinux", "do_open", 1, Running.PATCHED, List.of("livepatch_fix")),
                        new FunctionState(
                                "vmlinux",
                                "do_read",
                                1,
                                Running.PATCHED,
                                List.of("livepatch_fix")));
        assertThat(closed()).isEqualTo(Closed.CLOSED);
    }

    @Test
    void aLivepatchWithWarningsClosesItUnreviewed() {
        host.livepatch(
                Manifests.of("fix", true, List.of(CVE), List.of("it locks otherwise"), "do_open"),
                false);
        assertThat(closed()).isEqualTo(Closed.CLOSED_UNREVIEWED);
    }

    @Test
    void aTransitionLeavesTheCvePending() {
        host.livepatch(manifest("fix", true, "do_open"), true);
        assertThat(state().functions().getFirst().running()).isEqualTo(Running.IN_TRANSITION);
        assertThat(closed()).isEqualTo(Closed.PENDING);
    }

    @Test
    void aModuleThatIsNotLoadedWillBePatchedAndTheCveIsClosed() {
        host.livepatch(
                Manifests.of(
                        "fix",
                        true,
                        List.of(CVE),
                        List.of(),
                        List.of(Manifests.target("nf_tables", "nft_do_chain"))),
                false);
        assertThat(state().functions().getFirst().running()).isEqualTo(Running.NOT_LOADED);
        assertThat(closed()).isEqualTo(Closed.CLOSED);
    }

    @Test
    void aModuleThatIsLoadedAndNotPatchedLeavesTheCveOpen() {
        host.livepatch(
                Manifests.of(
                        "fix",
                        true,
                        List.of(CVE),
                        List.of(),
                        List.of(Manifests.target("nf_tables", "nft_do_chain"))),
                false);
        // It came afterwards, and the kernel did not patch it.
        host.folder("/sys/module/nf_tables");
        assertThat(state().functions().getFirst().running()).isEqualTo(Running.ORIGINAL);
        assertThat(closed()).isEqualTo(Closed.PARTLY);
    }

    @Test
    void aForeignLivepatchAboveOursOpensTheCve() {
        host.livepatch(manifest("fix", false, "do_open"), false);
        host.foreign("kpatch_other", "do_open,1", "do_close,1");
        assertThat(state().livepatches())
                .extracting(LoadedLivepatch::name)
                .containsExactly("livepatch_fix", "kpatch_other");
        assertThat(state().livepatches().getLast().origin()).isInstanceOf(Origin.Foreign.class);
        assertThat(state().functions())
                .contains(
                        new FunctionState(
                                "vmlinux",
                                "do_open",
                                1,
                                Running.PATCHED,
                                List.of("livepatch_fix", "kpatch_other")));
        assertThat(closed()).isEqualTo(Closed.PARTLY);
    }

    /** A livepatch below that is patched says nothing of the one above. */
    @Test
    void aTopmostLivepatchThatIsNotInForceLeavesTheOriginal() {
        host.livepatch(manifest("fix", false, "do_open"), false);
        host.livepatch(manifest("more", false, "do_open"), false);
        host.state("livepatch_more", false, false);
        assertThat(state().functions().getFirst().running()).isEqualTo(Running.ORIGINAL);
        assertThat(closed()).isEqualTo(Closed.PARTLY);
    }

    @Test
    void anOrderThatCannotBeToldIsNoOrder() {
        host.livepatch(manifest("fix", false, "do_open"), false);
        host.foreign("kpatch_other", "do_open,1");
        host.put("/proc/modules", "");
        assertThatThrownBy(this::state).isInstanceOf(RebootlessException.class);
    }

    @Test
    void aLaterOneOfOursThatClosesTheSameCveKeepsItClosed() {
        host.livepatch(manifest("fix", false, "do_open"), false);
        host.livepatch(manifest("more", false, "do_open", "do_read"), false);
        assertThat(cve().livepatch()).isEqualTo("livepatch_more");
        assertThat(closed()).isEqualTo(Closed.CLOSED);
    }

    @Test
    void aLivepatchForAnotherBuildCountsForNothing() {
        host.bytes(
                "/sys/kernel/notes",
                FakeHost.note("GNU", 3, HexFormat.of().parseHex("ff".repeat(20))));
        host.livepatch(manifest("fix", true, "do_open"), false);
        assertThat(closed()).isEqualTo(Closed.UNKNOWN);
    }

    @Test
    void whatCannotBeReadIsUnknownAndNeverClosed() {
        host.remove("/sys/kernel/notes");
        host.livepatch(manifest("fix", true, "do_open"), false);
        assertThat(closed()).isEqualTo(Closed.UNKNOWN);
    }

    @Test
    void aDamagedNoteIsNeitherOursNorForeign() {
        host.livepatch(manifest("fix", true, "do_open"), false);
        host.put("/sys/module/livepatch_fix/notes/.note.rebootless", "nonsense");
        assertThat(state().livepatches().getFirst().origin()).isInstanceOf(Origin.Unknown.class);
        assertThat(state().cves()).isEmpty();
    }
}
