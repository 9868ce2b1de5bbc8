package dev.rebootless.livepatch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.elf.RelocationTable;
import dev.rebootless.elf.SymbolPlace;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Sections of one name become one, and lose nothing. */
final class LinkedObjectTest {
    private static final long READ = Elf.SHF_ALLOC;
    private static final long WRITE = Elf.SHF_ALLOC | Elf.SHF_WRITE;

    private static ElfObject link(ElfSection... sections) {
        LinkedObject linked = new LinkedObject();
        for (ElfSection section : sections) {
            linked.add(List.of(section), List.of(), List.of(), Map.of());
        }
        return linked.build().object();
    }

    @Test
    void contentBehindAnEmptyPartIsKept() {
        ElfSection merged =
                link(
                                ElfSection.nobits(".data.x", WRITE, 0, 4, 4),
                                ElfSection.progbits(".data.x", WRITE, 4, new byte[] {1, 2, 3, 4}))
                        .section(".data.x")
                        .orElseThrow();

        assertThat(merged.isNobits()).isFalse();
        assertThat(merged.content()).containsExactly(0, 0, 0, 0, 1, 2, 3, 4);
    }

    @Test
    void whatOnePartMayWriteToTheWholeMay() {
        ElfSection merged =
                link(
                                ElfSection.progbits(".x", READ, 1, new byte[1]),
                                ElfSection.progbits(".x", WRITE, 1, new byte[1]))
                        .section(".x")
                        .orElseThrow();

        assertThat(merged.isWritable()).isTrue();
    }

    @Test
    void aPartIsAlignedAndItsSymbolsAndReferencesMoveWithIt() {
        ElfSection first = ElfSection.progbits(".data", WRITE, 1, new byte[3]);
        ElfSection second = ElfSection.progbits(".data", WRITE, 8, new byte[16]);
        ElfSymbol thing =
                new ElfSymbol(
                        "thing",
                        4,
                        4,
                        Elf.STT_OBJECT,
                        Elf.STB_LOCAL,
                        0,
                        new SymbolPlace.In(second));
        LinkedObject linked = new LinkedObject();
        linked.add(List.of(first), List.of(), List.of(), Map.of());
        linked.add(
                List.of(second),
                List.of(thing),
                List.of(
                        RelocationTable.of(
                                second,
                                List.of(
                                        new ElfRelocation(
                                                8,
                                                Elf.R_X86_64_64,
                                                ElfSymbol.ofSection(second),
                                                4)))),
                Map.of());
        ElfObject object = linked.build().object();
        ElfSection merged = object.section(".data").orElseThrow();

        assertThat(merged.size()).isEqualTo(24);
        assertThat(object.symbolsNamed("thing").getFirst().value()).isEqualTo(12);
        assertThat(object.relocations(merged))
                .singleElement()
                .satisfies(r -> {
                    assertThat(r.offset()).isEqualTo(16);
                    assertThat(r.addend()).isEqualTo(12);
                });
    }

    @Test
    void twoMeaningsOfOneNameAreTwoSymbols() {
        LinkedObject linked = new LinkedObject();

        ElfSymbol one = linked.undefined(new Resolution.Klp("vmlinux", "twin", 1, "vmlinux"));
        ElfSymbol two = linked.undefined(new Resolution.Klp("vmlinux", "twin", 2, "vmlinux"));

        assertThat(one).isNotSameAs(two);
        assertThat(linked.undefined(new Resolution.Klp("vmlinux", "twin", 1, "vmlinux")))
                .isSameAs(one);
        assertThat(linked.build().undefined()).hasSize(2);
    }
}
