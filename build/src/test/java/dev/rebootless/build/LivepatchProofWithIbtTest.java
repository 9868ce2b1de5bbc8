package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.build.Proving.Module;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.manifest.Proof;
import dev.rebootless.source.kit.Kit;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The core kinds of {@link LivepatchProofTest} on a kernel with IBT and call padding, where objtool
 * runs on the linked whole and the boot writes constants into code.
 */
@Execution(ExecutionMode.CONCURRENT)
class LivepatchProofWithIbtTest {
    private static final String PATCHES = "6.12/";

    private final Kit kit = StockKernelKit.get(StockKernelKit.IBT_LINE);
    @TempDir Path folder;

    private Proving proving() {
        assertThat(kit.facts().config())
                .containsEntry("CONFIG_X86_KERNEL_IBT", "y")
                .containsEntry("CONFIG_CALL_PADDING", "y");
        return new Proving(folder, kit);
    }

    /** The padding before a body is where the kernel counts the depth of calls. */
    private static void requirePadding(Module module, String function) {
        assertThat(module.object().symbols())
                .filteredOn(s -> s.name().equals("__pfx_" + function))
                .singleElement()
                .satisfies(s -> assertThat(s.size()).isEqualTo(16));
    }

    @Test
    void aChangedFunctionWithANewStringIsProvenOnAllModels() {
        Proof proof = proving().proveOnAllModels("version-line").proof().orElseThrow();
        assertThat(proof.passed()).isTrue();
        assertThat(proof.boots()).hasSize(3).allMatch(boot -> boot.checks().size() == 3);
        // Beside the mitigation of returns, Skylake counts calls: the kernel knows the parameter.
        assertThat(proof.boots())
                .anySatisfy(b -> assertThat(b.kernelParameters()).contains("retbleed=stuff"));
        Module module = proving().build("version-line");
        requirePadding(module, "version_proc_show");
        assertThat(module.sections())
                .contains(".call_sites", ".return_sites", ".orc_unwind", "__mcount_loc")
                .doesNotContain("__patchable_function_entries");
    }

    @Test
    void tracepointsStaticCallsAndDebugMessagesOfModulesAreProvenEachTimeTheModulesCome() {
        Module module = proving().prove("tracepoint-and-debug");
        assertThat(module.manifest().warnings())
                .anyMatch(w -> w.contains("tracepoints do not fire: cache_entry_update"))
                .anyMatch(w -> w.contains("pr_debug"));
    }

    /** With the placeholder of a constant instead of the variable, the first lookup would oops. */
    @Test
    void aFunctionWithConstantsThatTheBootWritesReadsTheVariablesAndIsProven() {
        Module module = proving().prove(PATCHES + "dentry-hits");
        assertThat(module.functions())
                .containsExactlyInAnyOrder("__d_lookup_rcu", "proc_nr_dentry");
        assertThat(module.klpSymbols()).contains("dentry_hashtable,0", "d_hash_shift,0");
        assertThat(module.sections()).noneMatch(s -> s.startsWith("runtime_"));
    }

    @Test
    void aTracepointWithItsJumpLabelAndStaticCallIsProven() {
        Module module = proving().prove(PATCHES + "tcp-logged");
        assertThat(module.functions()).containsExactly("tcp_rcv_established");
        assertThat(module.sections()).contains("__jump_table", ".static_call_sites");
        assertThat(module.klpSymbols())
                .contains("__tracepoint_tcp_probe,0", "__SCT__tp_func_tcp_probe,0");
    }

    /** Proving requires the third life: removed and inserted again under the livepatch. */
    @Test
    void aFunctionOfAModuleThatGoesAndComesBackIsProven() {
        assertThat(KitKernel.read(kit).image().clearsLivepatchRelocations()).isTrue();
        Module module = proving().prove("vlan-header");
        assertThat(module.functions()).containsExactly("vlan_seq_show");
        assertThat(module.manifest().warnings()).noneMatch(w -> w.contains("loaded again"));
    }

    @Test
    void aLargeFunctionWithManyReferencesIsProven() {
        Module module = proving().prove(PATCHES + "fork-refused");
        assertThat(module.functions()).containsExactly("copy_process");
        assertThat(module.klpSymbols()).hasSizeGreaterThan(50);
    }

    @Test
    void newAndExistingWarnInAStaticFunctionWithoutEndbrIsProven() {
        Module module = proving().prove(PATCHES + "open-warn");
        assertThat(module.functions()).containsExactly("do_dentry_open");
        assertThat(module.sizeOf("__bug_table")).isGreaterThanOrEqualTo(3 * 12);
        // objtool says so, and it is allowed: ftrace comes to a body by a return.
        ElfSymbol body = module.object().symbolsNamed("do_dentry_open").getFirst();
        byte[] code = body.section().orElseThrow().content();
        assertThat(code[(int) body.value()]).as("call __fentry__").isEqualTo((byte) 0xe8);
    }

    @Tag("long")
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
                "snmp-no-icmpmsg",
                "softnet-squeeze",
                "sysinfo-uptime",
                "task-rename",
                "uptime-readers",
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
