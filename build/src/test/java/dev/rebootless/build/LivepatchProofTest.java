package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.build.Proving.Module;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.elf.RelocationTable;
import dev.rebootless.manifest.Proof;
import org.junit.jupiter.api.Test;

/**
 * Source patches of every kind that is served, each built for the stock kernel and proven by
 * booting it: the check fails before, passes during, fails after, and the kernel's log is clean.
 * Beside the boot, each test says what makes the module the kind of case that it is named for, so
 * that a case cannot lose its point unseen.
 *
 * <p>Two of them run on every CPU model, through the proof within {@link Build}; the others on one,
 * and on every model in {@link LivepatchProofOnAllModelsTest}.
 */
class LivepatchProofTest extends ProofsOnDebiansOwnLine {
    @Test
    void aChangedFunctionWithANewStringIsProven() {
        Module module = proving.prove("version-line");
        assertThat(module.functions()).containsExactly("version_proc_show");
        assertThat(module.klpSymbols()).contains("linux_proc_banner,0");
    }

    @Test
    void twoPatchesInOrderOnOneFunctionAreProven() {
        Module module = proving.prove("version-line", "version-line-again");
        assertThat(module.functions()).containsExactly("version_proc_show");
        assertThat(module.manifest().inputs().patches()).hasSize(2);
    }

    @Test
    void twoUnitsInOneLivepatchAreProven() {
        Module module = proving.prove("loadavg-switches", "key-users-total");
        assertThat(module.units())
                .containsExactlyInAnyOrder("fs/proc/loadavg.c", "security/keys/proc.c");
        assertThat(module.functions())
                .containsExactlyInAnyOrder("loadavg_proc_show", "proc_key_users_show");
    }

    @Test
    void anAddedStaticFunctionAndUnexportedStaticDataAreProven() {
        Module module = proving.prove("filesystems-count");
        assertThat(module.functions()).containsExactly("filesystems_proc_show");
        assertThat(module.definedSymbols()).contains("count_filesystems");
        assertThat(module.klpSymbols()).contains("file_systems,0", "file_systems_lock,0");
    }

    @Test
    void aRemovedFunctionIsProven() {
        Module module = proving.prove("snmp-no-icmpmsg");
        assertThat(module.functions()).containsExactly("snmp_seq_show");
        assertThat(module.definedSymbols()).doesNotContain("icmpmsg_put");
    }

    @Test
    void newGlobalStaticAndStaticLocalDataAreProven() {
        Module module = proving.prove("ipc-header");
        assertThat(module.definedSymbols())
                .contains("sysvipc_headers_shown", "sysvipc_words")
                .anyMatch(name -> name.startsWith("reads"));
    }

    @Test
    void whatOneFileNewlyDefinesAndAnotherUsesIsProven() {
        Module module = proving.prove("shared-globals");
        assertThat(module.functions()).containsExactly("version_proc_show");
        assertThat(module.definedSymbols()).contains("uptime_count", "uptime_word");
        assertThat(module.klpSymbols()).noneMatch(name -> name.startsWith("uptime_"));
    }

    @Test
    void aFunctionOfAModuleIsProvenWhicheverIsLoadedFirst() {
        assertThat(proving.prove("vlan-header").functions()).containsExactly("vlan_seq_show");
    }

    @Test
    void functionsOfTwoModulesAndVmlinuxAtOnceAreProven() {
        assertThat(proving.prove("three-targets").functions())
                .containsExactlyInAnyOrder("version_proc_show", "vlan_seq_show", "ct_cpu_seq_show");
    }

    @Test
    void tracepointsStaticCallsAndDebugMessagesOfModulesAreProvenWithoutTheirTables() {
        Module module = proving.prove("tracepoint-and-debug");
        assertThat(module.functions())
                .contains("cache_entry_update")
                .anyMatch(name -> name.matches("bm_register_write|create_entry.*"));
        assertThat(module.sizeOf("__jump_table")).isZero();
        assertThat(module.object().relocationTables())
                .extracting(RelocationTable::name)
                .contains(".klp.rela.sunrpc..text.cache_entry_update")
                .noneMatch(name -> name.matches("\\.klp\\.rela\\.sunrpc\\.\\.static_call_sites"));
        // The place itself is still carried: it refers to the tracepoint and its trampoline.
        assertThat(module.object().symbols())
                .extracting(ElfSymbol::name)
                .contains(
                        ".klp.sym.sunrpc.__tracepoint_cache_entry_update,0",
                        ".klp.sym.sunrpc.__SCT__tp_func_cache_entry_update,0")
                .noneMatch(name -> name.startsWith(".klp.sym.sunrpc.__SCK__"));
        assertThat(module.manifest().warnings())
                .anyMatch(w ->
                        w.startsWith("net/sunrpc/cache.c:")
                                && w.contains("tracepoints do not fire: cache_entry_update"))
                .anyMatch(w -> w.startsWith("fs/binfmt_misc.c:") && w.contains("pr_debug"));
    }

    @Test
    void aNewPerCpuVariableIsProven() {
        Module module = proving.prove("uptime-readers");
        assertThat(module.sizeOf(".data..percpu")).isEqualTo(8);
    }

    @Test
    void aNewReferenceToAnUnexportedFunctionIsProven() {
        assertThat(proving.prove("loadavg-switches").klpSymbols())
                .contains("nr_context_switches,0");
    }

    @Test
    void aNewReferenceToUnexportedDataIsProven() {
        assertThat(proving.prove("overcommit-limit").klpSymbols())
                .contains("sysctl_overcommit_ratio,0");
    }

    @Test
    void aReplacedFunctionThatHasNamesakesIsProven() {
        assertThat(proving.prove("fdinfo-show").functions())
                .hasSize(1)
                .allMatch(name -> name.matches("seq_show,[1-9]"));
    }

    @Test
    void aReferenceToAFunctionThatHasNamesakesIsProven() {
        Module module = proving.prove("fdinfo-open");
        assertThat(module.functions()).containsExactly("seq_fdinfo_open");
        assertThat(module.klpSymbols()).anyMatch(name -> name.matches("seq_show,[1-9]"));
    }

    @Test
    void newAndExistingWarnAndBugThatDoNotFireAreProven() {
        Module module = proving.prove("open-warn");
        assertThat(module.functions()).containsExactly("do_dentry_open");
        // struct bug_entry is 12 bytes: two that were there, three that are new.
        assertThat(module.sizeOf("__bug_table")).isGreaterThanOrEqualTo(5 * 12);
    }

    @Test
    void anExceptionTableInTheChangedFunctionIsProven() {
        Module module = proving.prove("getdents-hidden");
        assertThat(module.functions()).containsExactly("filldir64");
        assertThat(module.sizeOf("__ex_table")).isPositive();
    }

    @Test
    void newAlternativesAndNewParavirtSitesAreProven() {
        Module module = proving.prove("cpuinfo-alternatives");
        assertThat(module.sections())
                .contains(".altinstructions", ".altinstr_aux", ".parainstructions");
    }

    @Test
    void existingParavirtSitesAndPerCpuDataOfTheKernelAreProven() {
        Module module = proving.prove("softnet-squeeze");
        assertThat(module.functions()).containsExactly("net_rx_action");
        assertThat(module.sizeOf(".parainstructions")).isPositive();
    }

    @Test
    void aTracepointWithItsJumpLabelAndStaticCallIsProvenOnAllModels() {
        Proof proof = proving.proveOnAllModels("task-rename").proof().orElseThrow();
        assertThat(proof.passed()).isTrue();
        assertThat(proof.boots()).hasSize(3).allMatch(boot -> boot.checks().size() == 3);
        Module module = proving.build("task-rename");
        assertThat(module.sections()).contains("__jump_table", ".static_call_sites");
        assertThat(module.klpSymbols())
                .contains("__tracepoint_task_rename,0", "__SCT__tp_func_task_rename,0");
    }

    @Test
    void existingAlternativesAndAStaticCallAreProvenOnAllModels() {
        Proof proof = proving.proveOnAllModels("read-zero-eio").proof().orElseThrow();
        assertThat(proof.passed()).isTrue();
        assertThat(proof.boots()).hasSize(3).allMatch(boot -> boot.checks().size() == 3);
        Module module = proving.build("read-zero-eio");
        assertThat(module.sections())
                .contains(".altinstructions", ".static_call_sites", "__ex_table");
    }

    @Test
    void existingJumpLabelsInAConstpropCloneAreProven() {
        Module module = proving.prove("meltdown-words");
        assertThat(module.functions()).containsExactly("cpu_show_common.constprop.0");
        assertThat(module.sizeOf("__jump_table")).isPositive();
    }

    @Test
    void aNewStaticKeyIsProven() {
        Module module = proving.prove("static-key");
        assertThat(module.sizeOf("__jump_table")).isPositive();
        assertThat(module.definedSymbols()).contains("cmdline_was_read");
    }

    @Test
    void aNewAndAnExistingPrDebugAreProven() {
        Module module = proving.prove("device-debug");
        // struct _ddebug is 56 bytes: the new descriptor alone.
        assertThat(module.sizeOf("__dyndbg")).isEqualTo(56);
        assertThat(module.klpSymbols()).anyMatch(name -> name.startsWith("__UNIQUE_ID_ddebug"));
    }

    @Test
    void aColdPartThatAppearsIsProven() {
        Module module = proving.prove("min-addr-cold");
        assertThat(module.functions()).containsExactly("mmap_min_addr_handler");
        assertThat(module.definedSymbols()).contains("mmap_min_addr_handler.cold");
    }

    @Test
    void anIsraCloneThatReturnsAnotherValueIsProven() {
        assertThat(proving.prove("sysinfo-uptime").functions())
                .containsExactly("do_sysinfo.isra.0");
    }

    @Test
    void aPartThatWasSplitFromItsFunctionIsProven() {
        assertThat(proving.prove("empty-path").functions()).containsExactly("getname_flags.part.0");
    }

    @Test
    void aSystemCallDefinedByMacroIsProven() {
        assertThat(proving.prove("sethostname-dash").functions())
                .containsExactlyInAnyOrder("__x64_sys_sethostname", "__ia32_sys_sethostname");
    }

    @Test
    void aNewOnceFlagBesideAnExistingOneIsProven() {
        Module module = proving.prove("oom-adj-once");
        assertThat(module.sizeOf(".data.once")).isPositive();
    }

    @Test
    void anExistingOnceFlagAndColdPartAreProvenAndTheFlagStaysTheKernels() {
        Module module = proving.prove("oom-adj-seven");
        assertThat(module.sections()).doesNotContain(".data.once");
        assertThat(module.klpSymbols()).anyMatch(name -> name.startsWith("__already_done"));
        assertThat(module.definedSymbols()).contains("__set_oom_adj.isra.0.cold");
    }

    @Test
    void aFileThatIsCompiledAsPartOfAnotherIsProven() {
        Module module = proving.prove("schedstat-version");
        assertThat(module.units()).containsExactly("kernel/sched/build_utility.c");
        assertThat(module.functions()).containsExactly("show_schedstat");
    }

    @Test
    void aBlockFunctionIsProven() {
        assertThat(proving.prove("block-majors").functions()).containsExactly("blkdev_show");
    }

    @Test
    void aNetworkFunctionIsProven() {
        assertThat(proving.prove("icmp-large").functions()).containsExactly("icmp_echo");
    }
}
