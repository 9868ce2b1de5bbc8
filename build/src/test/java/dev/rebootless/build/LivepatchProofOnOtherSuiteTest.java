package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.build.Proving.Module;
import dev.rebootless.manifest.Proof;
import dev.rebootless.source.compile.CompilerIdentity;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.KitFacts;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Fixes for the newest cloud kernel of another suite of Debian than this machine's, made with the
 * toolchain of that suite, which is installed nowhere.
 */
@Tag("long")
@Execution(ExecutionMode.CONCURRENT)
class LivepatchProofOnOtherSuiteTest {
    private static final String PATCHES = "6.12/";

    private final Kit kit =
            StockKernelKit.ofSuite(StockKernelKit.IBT_LINE, StockKernelKit.OTHER_SUITE);
    @TempDir Path folder;

    private Proving proving() {
        return new Proving(folder, kit);
    }

    /** Whichever compiler this machine has, it is the kit's own that makes the code. */
    @Test
    void theKitNamesEveryPackageOfItsToolchainAndCompilesWithIt() throws IOException {
        KitFacts.Toolchain toolchain = kit.facts().toolchain().orElseThrow();
        assertThat(toolchain.suite()).isEqualTo(StockKernelKit.OTHER_SUITE);
        assertThat(toolchain.packages().stream().map(KitFacts.UsedPackage::name))
                .contains("binutils", "libc6", "libelf1t64", "make", "pahole")
                .contains(kit.facts().compiler().debianPackage())
                .doesNotHaveDuplicates();
        assertThat(toolchain.packages()).allMatch(p -> p.sha256().matches("[0-9a-f]{64}"));
        assertThat(kit.programs().isHost()).isFalse();
        CompilerIdentity compiler =
                CompilerIdentity.of(
                        kit.kernelTree(), Optional.of(kit.facts().compiler().version()));
        assertThat(kit.facts().banner()).contains(compiler.version());
        Path driver =
                kit.programs()
                        .folder()
                        .resolve("usr/bin")
                        .resolve(kit.facts().compiler().program());
        assertThat(driver.toRealPath().startsWith(kit.folder().toRealPath())).isTrue();
    }

    @Test
    void aChangedFunctionWithANewStringIsProvenOnAllModels() {
        Proof proof = proving().proveOnAllModels("version-line").proof().orElseThrow();
        assertThat(proof.passed()).isTrue();
        assertThat(proof.boots()).hasSize(3).allMatch(boot -> boot.checks().size() == 3);
    }

    @Test
    void aFunctionWithConstantsThatTheBootWritesIsProven() {
        Module module = proving().prove(PATCHES + "dentry-hits");
        assertThat(module.functions())
                .containsExactlyInAnyOrder("__d_lookup_rcu", "proc_nr_dentry");
        assertThat(module.sections()).noneMatch(s -> s.startsWith("runtime_"));
    }

    @Test
    void aTracepointWithItsJumpLabelAndStaticCallIsProven() {
        Module module = proving().prove(PATCHES + "tcp-logged");
        assertThat(module.functions()).containsExactly("tcp_rcv_established");
        assertThat(module.sections()).contains("__jump_table", ".static_call_sites");
    }

    @Test
    void aFunctionOfAModuleThatGoesAndComesBackIsProven() {
        Module module = proving().prove("vlan-header");
        assertThat(module.functions()).containsExactly("vlan_seq_show");
    }

    @Test
    void aLargeFunctionWithManyReferencesIsProven() {
        Module module = proving().prove(PATCHES + "fork-refused");
        assertThat(module.functions()).containsExactly("copy_process");
        assertThat(module.klpSymbols()).hasSizeGreaterThan(50);
    }

    @Test
    void aNewPerCpuVariableIsProven() {
        Module module = proving().prove("uptime-readers");
        assertThat(module.functions()).containsExactly("uptime_proc_show");
        assertThat(module.sizeOf(".data..percpu")).isPositive();
    }

    /** The same inputs, the same bytes: nothing of the machine gets into a module. */
    @Test
    void theSamePatchGivesTheSameBytes() throws IOException {
        Module one = new Proving(folder.resolve("one"), kit).build("version-line");
        Module two = new Proving(folder.resolve("two"), kit).build("version-line");
        assertThat(List.of(one.file(), two.file())).doesNotHaveDuplicates();
        assertThat(one.file()).hasSameBinaryContentAs(two.file());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "block-majors",
                "cpuinfo-alternatives",
                "fdinfo-open",
                "filesystems-count",
                "getdents-hidden",
                "icmp-large",
                "ipc-header",
                "key-users-total",
                "loadavg-switches",
                "meltdown-words",
                "min-addr-cold",
                "oom-adj-once",
                "oom-adj-seven",
                "overcommit-limit",
                "read-zero-eio",
                "shared-globals",
                "snmp-no-icmpmsg",
                "softnet-squeeze",
                "sysinfo-uptime",
                "task-rename",
                "three-targets",
                "6.12/dentry-hits",
                "6.12/fork-refused",
                "6.12/open-warn",
                "6.12/tcp-logged"
            })
    void theLivepatchIsProvenOnAllModels(String name) {
        Proof proof = proving().proveOnAllModels(name).proof().orElseThrow();
        assertThat(proof.passed()).isTrue();
        assertThat(proof.boots()).hasSizeGreaterThanOrEqualTo(3);
    }
}
