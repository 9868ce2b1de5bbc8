package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.build.Proving.Module;
import dev.rebootless.elf.ElfSymbol;
import org.junit.jupiter.api.Test;

/**
 * Kinds of change that differ by the symbols and sections that a compiler makes of them, each
 * proven as in {@link LivepatchProofTest}.
 */
class LivepatchSymbolProofTest extends ProofsOnDebiansOwnLine {
    @Test
    void aSwitchThatBecomesATableIsProven() {
        Module module = proving.prove("console-order");
        assertThat(module.functions()).containsExactly("show_console_dev");
        assertThat(module.definedSymbols()).anyMatch(name -> name.startsWith("CSWTCH."));
    }

    @Test
    void theNameOfAFunctionIsProven() {
        Module module = proving.prove("softirqs-name");
        assertThat(module.functions()).containsExactly("show_softirqs");
        assertThat(module.definedSymbols()).anyMatch(name -> name.startsWith("__func__."));
    }

    /** The new one takes the number that the kernel's had. */
    @Test
    void aStaticLocalWhoseSuffixMovesIsProvenAndStaysTheKernels() {
        Module module = proving.prove("stat-gap");
        assertThat(module.functions()).containsExactly("show_stat");
        assertThat(module.definedSymbols()).anyMatch(name -> name.startsWith("zeros."));
    }

    @Test
    void aStaticFunctionThatBecomesGlobalIsProven() {
        Module module = proving.prove("domains-in-version");
        assertThat(module.functions()).containsExactly("version_proc_show");
        assertThat(module.klpSymbols()).contains("execdomains_proc_show,0");
    }

    @Test
    void aStaticFunctionWithNamesakesThatBecomesGlobalIsProvenAndToldFromThem() {
        Module module = proving.prove("seq-show-global");
        assertThat(module.functions()).containsExactly("version_proc_show");
        assertThat(module.klpSymbols())
                .containsAll(proving.build("fdinfo-show").functions())
                .filteredOn(name -> name.startsWith("seq_show,"))
                .hasSize(1);
    }

    @Test
    void aStaticFunctionWithOneParameterMoreIsProven() {
        Module module = proving.prove("meminfo-unit");
        assertThat(module.functions()).contains("meminfo_proc_show");
    }

    @Test
    void aFunctionThatNewlyGuardsItsStackIsProven() {
        Module module = proving.prove("iomem-upper");
        assertThat(module.functions()).containsExactly("r_show");
        assertThat(module.object().symbols())
                .extracting(ElfSymbol::name)
                .contains("__stack_chk_fail");
    }

    @Test
    void aNewExceptionTableIsProven() {
        Module module = proving.prove("null-refuses");
        assertThat(module.functions()).containsExactly("write_null");
        // One struct exception_table_entry (arch/x86/include/asm/extable.h).
        assertThat(module.sizeOf("__ex_table")).isEqualTo(12);
    }

    @Test
    void aNewLockedInstructionIsProven() {
        Module module = proving.prove("devices-reads");
        assertThat(module.functions()).containsExactly("devinfo_show");
        assertThat(module.sizeOf(".smp_locks")).isEqualTo(4);
    }

    @Test
    void aNewTableOfFunctionsIsProven() {
        Module module = proving.prove("execdomains-table");
        assertThat(module.functions()).containsExactly("execdomains_proc_show");
        assertThat(module.definedSymbols()).contains("shown", "show_linux", "show_rebootless");
    }

    @Test
    void newDataThatPointsToUnexportedDataIsProven() {
        Module module = proving.prove("execdomains-counters");
        assertThat(module.klpSymbols()).contains("total_forks,0", "uevent_seqnum,0");
        assertThat(module.object().relocationTables())
                .anyMatch(table -> table.name().startsWith(".klp.rela.vmlinux..data"));
    }

    /** Its pointer in the other changed function leads to the new one, of two namesakes. */
    @Test
    void aPointerToAReplacedFunctionIsProven() {
        Module module = proving.prove("fdinfo-show", "fdinfo-both");
        assertThat(module.functions())
                .hasSize(2)
                .contains("seq_fdinfo_open")
                .anyMatch(name -> name.startsWith("seq_show,"));
    }

    @Test
    void aColdPartThatGoesIsProven() {
        Module module = proving.prove("oom-adj-quiet");
        assertThat(module.functions()).containsExactly("__set_oom_adj.isra.0");
        assertThat(module.definedSymbols()).noneMatch(name -> name.endsWith(".cold"));
    }

    @Test
    void aWeakFunctionIsProven() {
        Module module = proving.prove("stack-page-size");
        assertThat(module.functions()).contains("vma_mmu_pagesize");
    }

    /** The kernel switches its key while the livepatch is there, and its jump follows. */
    @Test
    void aStaticKeyOfTheKernelThatIsNewlyUsedIsProvenOffAndOn() {
        Module module = proving.prove("seqnum-cpusets");
        assertThat(module.functions()).containsExactly("uevent_seqnum_show");
        assertThat(module.klpSymbols()).contains("cpusets_enabled_key,0");
        assertThat(module.sizeOf("__jump_table")).isPositive();
    }
}
