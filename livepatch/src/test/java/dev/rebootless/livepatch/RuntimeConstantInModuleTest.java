package dev.rebootless.livepatch;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfHeader;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfSection;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RuntimeConstantInModuleTest {
    private static ElfObject with(String section) {
        return ElfObject.of(
                ElfHeader.x86Relocatable(),
                List.of(ElfSection.progbits(section, Elf.SHF_ALLOC, 1, new byte[4])),
                List.of(),
                List.of(),
                List.of(),
                Map.of());
    }

    @Test
    void aModuleWithAConstantThatOnlyVmlinuxGetsIsRefused() {
        assertThatExceptionOfType(RebootlessException.class)
                .isThrownBy(() ->
                        ModuleLinker.requireNoRuntimeConstants(with("runtime_ptr_USER_PTR_MAX")))
                .matches(e -> e.problems().getFirst().code().equals("RBL-RUNTIME-CONSTANT"));
        assertThatCode(() -> ModuleLinker.requireNoRuntimeConstants(with(".data")))
                .doesNotThrowAnyException();
    }
}
