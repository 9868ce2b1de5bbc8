package dev.rebootless.livepatch;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.diff.SpecialTable;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.elf.RelocationTable;
import dev.rebootless.elf.SymbolPlace;
import dev.rebootless.elf.x86.Instruction;
import dev.rebootless.elf.x86.X86Decoder;
import dev.rebootless.kernel.KernelImage;
import dev.rebootless.kernel.ModuleImage;
import dev.rebootless.kernel.ShippedCode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What indirect branch tracking (IBT) demands of a module, on kernels that are built for it. On a
 * CPU that has it, an indirect call that does not arrive at an ENDBR is a fault; no CPU that QEMU
 * emulates has it, so no boot shows it:
 *
 * <ul>
 *   <li>the module must not newly take the address of a function of the shipped kernel that has no
 *       ENDBR, or whose ENDBR the booting kernel takes away because nothing took its address
 *       ({@code .ibt_endbr_seal}, made by objtool over the whole of vmlinux);
 *   <li>each function of the module whose address is taken must start with ENDBR, and the module's
 *       own {@code .ibt_endbr_seal} must not list it.
 * </ul>
 *
 * <p>New bodies need none for ftrace's sake: its trampoline goes there by a return
 * (arch/x86/kernel/ftrace_64.S, ftrace_caller), which IBT does not track.
 */
public final class IbtCheck {
    private static final String SEALS = ".ibt_endbr_seal";

    /** Resolution.Klp's name for what is not exported: object, symbol, sympos. */
    private static final Pattern KLP_SYMBOL =
            Pattern.compile("\\.klp\\.sym\\.([^.]+)\\.(.+),([0-9]{1,9})");

    /** Code takes an address without a displacement or immediate of four bytes. */
    private static final int FIELD_BYTES = 4;

    /** Tables that name places in code, but not to call them: objtool's validate_ibt as well. */
    private static final Set<String> TABLES =
            SpecialTable.X86_64.stream()
                    .map(SpecialTable::section)
                    .collect(Collectors.toUnmodifiableSet());

    private final ElfObject module;
    private final ShippedKernel kernel;
    private final Set<String> takenBefore;
    private final List<Problem> problems = new ArrayList<>();
    private final Map<ElfSection, Map<Long, Instruction>> decoded = new HashMap<>();

    private IbtCheck(ElfObject module, ShippedKernel kernel, Set<String> takenBefore) {
        this.module = module;
        this.kernel = kernel;
        this.takenBefore = takenBefore;
    }

    /**
     * Checks a finished module, as it is written; on kernels without IBT there is nothing to check.
     *
     * @param takenBefore names whose address the shipped units of the patch take already
     * @throws RebootlessException exit status 4, {@code RBL-IBT-SEALED} or {@code RBL-IBT-TARGET},
     *     with all problems
     */
    public static void require(ElfObject module, ShippedKernel kernel, Set<String> takenBefore) {
        if (kernel.image().codeTable(SEALS).isPresent()) {
            IbtCheck check = new IbtCheck(module, kernel, takenBefore);
            check.run();
            if (!check.problems.isEmpty()) {
                throw new RebootlessException(
                        ExitStatus.REFUSED, check.problems.stream().distinct().toList());
            }
        }
    }

    private void run() {
        Set<Place> sealed = sealedHere();
        for (RelocationTable table : module.relocationTables()) {
            ElfSection section = table.target();
            if (!section.isAllocated()
                    || section.name().startsWith(".discard")
                    || TABLES.contains(section.name())) {
                continue;
            }
            for (ElfRelocation relocation : table.relocations()) {
                takenPlace(section, relocation)
                        .ifPresent(place -> check(section, relocation.symbol(), place, sealed));
            }
        }
    }

    /** A place in a section of the module. */
    private record Place(ElfSection section, long offset) {}

    private Set<Place> sealedHere() {
        Set<Place> sealed = new HashSet<>();
        for (ElfSection table : module.sectionsNamed(SEALS)) {
            for (ElfRelocation entry : module.relocations(table)) {
                entry.symbol()
                        .section()
                        .ifPresent(s ->
                                sealed.add(new Place(s, entry.symbol().value() + entry.addend())));
            }
        }
        return sealed;
    }

    private void check(ElfSection from, ElfSymbol symbol, long place, Set<Place> sealed) {
        switch (symbol.place()) {
            case SymbolPlace.Undefined _ ->
                    checkShipped(from, kernel.image(), symbol.name(), 0, place);
            case SymbolPlace.Livepatch _ -> {
                Matcher klp = KLP_SYMBOL.matcher(symbol.name());
                if (klp.matches()) {
                    checkShipped(
                            from,
                            kernel.code(klp.group(1)),
                            klp.group(2),
                            Integer.parseInt(klp.group(3)),
                            place);
                }
            }
            case SymbolPlace.In _, SymbolPlace.Absolute _, SymbolPlace.Common _ -> {}
        }
        ElfSection home = symbol.section().orElse(null);
        // The kernel comes to the bodies by a return, and by an indirect call to all else that
        // struct klp_patch names.
        boolean body =
                from.name().equals(Descriptor.DATA)
                        && home != null
                        && !home.name().equals(Descriptor.CODE);
        if (home != null && home.isExecutable() && !body) {
            checkOwn(from, new Place(home, symbol.value() + place), sealed);
        }
    }

    /** Empty for branches, and for what takes no address. */
    private OptionalLong takenPlace(ElfSection section, ElfRelocation relocation) {
        boolean relative =
                relocation.type() == Elf.R_X86_64_PC32 || relocation.type() == Elf.R_X86_64_PLT32;
        if (!section.isExecutable()) {
            return OptionalLong.of(relocation.addend());
        }
        Instruction instruction =
                decoded.computeIfAbsent(section, IbtCheck::fields).get(relocation.offset());
        if (instruction == null) {
            return OptionalLong.of(relocation.addend() + (relative ? FIELD_BYTES : 0));
        }
        if (instruction.kind().isRelativeBranch()) {
            return OptionalLong.empty();
        }
        return OptionalLong.of(
                relocation.addend() + (relative ? instruction.end() - relocation.offset() : 0));
    }

    /** The instruction around each displacement and immediate. */
    static Map<Long, Instruction> fields(ElfSection section) {
        Map<Long, Instruction> fields = new HashMap<>();
        byte[] code = section.content();
        for (int at = 0; at < code.length; ) {
            Instruction instruction = X86Decoder.decode(code, at, code.length);
            if (instruction.displacement().size() > 0) {
                fields.put((long) instruction.displacement().offset(), instruction);
            }
            if (instruction.immediate().size() > 0) {
                fields.put((long) instruction.immediate().offset(), instruction);
            }
            at = instruction.end();
        }
        return fields;
    }

    /** Of which shipped function an address is taken; data is nothing. */
    private void checkShipped(
            ElfSection from, ShippedCode code, String name, int sympos, long place) {
        code.symbols().named(name).stream()
                .filter(s -> s.type() != ModuleImage.IMPORT)
                .filter(s -> sympos == 0 || code.sympos(s).equals(OptionalInt.of(sympos)))
                .mapToLong(s -> s.address() + place)
                .filter(code::isText)
                .forEach(address -> checkShipped(from, code, name, address));
    }

    private void checkShipped(ElfSection from, ShippedCode code, String name, long address) {
        boolean sealed =
                code.codeTable(SEALS)
                        .filter(t -> !t.within(address, address + 1).isEmpty())
                        .isPresent();
        String why = null;
        if (sealed) {
            why =
                    "but this kernel forbids calls of it through pointers (IBT): nothing took its"
                            + " address before, so it is sealed when "
                            + (code instanceof KernelImage
                                    ? "the kernel boots"
                                    : "its module is loaded");
        } else if (!startsWithEndbr(code, address) && !isTakenBefore(code, name)) {
            why = "but it has no ENDBR, without which calls through pointers fault (IBT)";
        }
        if (why != null) {
            refuse(
                    "RBL-IBT-SEALED",
                    name,
                    "the patch newly takes its address in " + from.name() + ", " + why,
                    "take the address of a static function of the patched file instead, which calls it");
        }
    }

    /** A name tells which function is meant only where no other bears it. */
    private boolean isTakenBefore(ShippedCode code, String name) {
        return takenBefore.contains(name)
                && isOneOnly(code, name)
                && isOneOnly(kernel.image(), name);
    }

    private static boolean isOneOnly(ShippedCode code, String name) {
        return code.symbols().named(name).stream()
                        .filter(s -> s.type() != ModuleImage.IMPORT)
                        .count()
                <= 1;
    }

    private static boolean startsWithEndbr(ShippedCode shipped, long address) {
        byte[] code = shipped.read(address, FIELD_BYTES);
        return X86Decoder.decode(code, 0, code.length).kind() == Instruction.Kind.ENDBR64;
    }

    private void checkOwn(ElfSection from, Place place, Set<Place> sealed) {
        Optional<ElfSymbol> function =
                module.symbolsIn(place.section()).stream()
                        .filter(s -> s.isFunction() && s.value() == place.offset())
                        // The padding before a function (objtool's --prefix) is no function.
                        .filter(s -> !s.name().startsWith("__pfx_"))
                        .findFirst();
        if (function.isEmpty()) {
            return;
        }
        byte[] code = place.section().content();
        boolean endbr =
                X86Decoder.decode(code, (int) place.offset(), code.length).kind()
                        == Instruction.Kind.ENDBR64;
        if (!endbr || sealed.contains(place)) {
            refuse(
                    "RBL-IBT-TARGET",
                    function.get().name(),
                    "its address is taken in "
                            + from.name()
                            + (endbr
                                    ? ", but objtool lists it as never called through a pointer"
                                    : ", but it does not start with ENDBR, without which calls through"
                                            + " pointers fault (IBT)"),
                    "report it with the patch");
        }
    }

    private void refuse(String code, String place, String message, String remedy) {
        problems.add(new Problem(code, place, message, remedy));
    }
}
