package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.livepatch.Resolution;
import java.util.List;
import org.junit.jupiter.api.Test;

class ModuleWarningsTest {
    /** kvm_amd is patched and brings a guard; kvm, which it depends on, brings none. */
    @Test
    void aModuleThatAPatchedOneDependsOnIsNamedWithWhatIsUsedOfIt() {
        assertThat(
                        ModuleWarnings.unguarded(
                                "svm.c",
                                List.of(
                                        new Resolution.Klp("kvm", "kvm_read", 0, "kvm_amd"),
                                        new Resolution.Klp("kvm", "kvm_add", 0, "kvm_amd"),
                                        new Resolution.Klp("kvm_amd", "svm_own", 0, "kvm_amd"),
                                        new Resolution.Klp("vmlinux", "hidden", 0, "vmlinux"),
                                        new Resolution.Exported("printk", 1, ""))))
                .singleElement()
                .asString()
                .startsWith("svm.c: ")
                .contains("kvm_add, kvm_read of the module kvm,", "shipped build")
                .doesNotContain("svm_own", "hidden", "printk");
    }

    @Test
    void aUnitThatUsesOnlyItsOwnModuleAndVmlinuxNeedsNoWarning() {
        assertThat(
                        ModuleWarnings.unguarded(
                                "svm.c",
                                List.of(
                                        new Resolution.Klp("kvm_amd", "svm_own", 0, "kvm_amd"),
                                        new Resolution.Klp("vmlinux", "hidden", 0, "vmlinux"))))
                .isEmpty();
    }
}
