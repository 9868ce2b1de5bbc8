package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.build.Proving.Module;
import org.junit.jupiter.api.Test;

/**
 * Kinds of change that differ by what they touch in the kernel or what they bring to it, each
 * proven as in {@link LivepatchProofTest}.
 */
class LivepatchSubsystemProofTest extends ProofsOnDebiansOwnLine {
    @Test
    void aHookOfTheSecurityModulesIsProven() {
        assertThat(proving.prove("clock-after-1970").functions()).containsExactly("cap_settime");
    }

    @Test
    void aFunctionOfTheSchedulerIsProven() {
        assertThat(proving.prove("nice-thirteen").functions()).containsExactly("set_user_nice");
    }

    @Test
    void aFunctionOfMemoryManagementIsProven() {
        assertThat(proving.prove("tmpfs-names").functions()).containsExactly("shmem_statfs");
    }

    @Test
    void anExportedFunctionWithAVariableNumberOfArgumentsIsProven() {
        assertThat(proving.prove("emit-lower").functions()).containsExactly("sysfs_emit");
    }

    @Test
    void aFunctionThatOnlyReturnsAConstantIsProven() {
        assertThat(proving.prove("full-quota").functions()).containsExactly("write_full");
    }

    @Test
    void structuresOfANewTypeThatAreAllocatedAndFreedAreProven() {
        Module module = proving.prove("loadavg-words");
        assertThat(module.functions()).containsExactly("loadavg_proc_show");
        assertThat(module.manifest().warnings()).noneMatch(w -> w.contains("load_word"));
    }

    @Test
    void aNewMutexIsProvenAndWarnedOf() {
        Module module = proving.prove("cpuinfo-read-only");
        assertThat(module.functions()).containsExactly("cpuinfo_open");
        assertThat(module.definedSymbols()).contains("writers_lock", "writers");
        assertThat(module.manifest().warnings())
                .anyMatch(w -> w.contains("cpuinfo_open") && w.contains("lock"));
    }
}
