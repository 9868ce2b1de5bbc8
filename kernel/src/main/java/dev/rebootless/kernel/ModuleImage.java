package dev.rebootless.kernel;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * A shipped module with its sections laid out at addresses and its relocations applied, as the
 * module loader will do it elsewhere; so code of a module is compared just as code of vmlinux is.
 *
 * <p>What the module imports has an address of its own each, far from all others, and is among the
 * {@link #symbols} with the type {@value #IMPORT}. Immutable.
 */
public final class ModuleImage implements ShippedCode {
    /** Type of a symbol that the module only refers to, as nm(1) prints it. */
    public static final char IMPORT = 'U';

    /**
     * Addresses are in the upper 2 GiB, where signed 32-bit fields reach: imports in the lower half
     * of it, where the kernel's own code would be (arch/x86/include/asm/page_64_types.h,
     * __START_KERNEL_map), the module in the upper.
     */
    private static final long IMPORTS_START = 0xffffffff80000000L;

    private static final long IMPORTS_BYTES = 0x40000000L;

    private static final long SECTIONS_START = 0xffffffffc0000000L;

    /** The upper GiB but for its end, so that nothing wraps. */
    private static final long SECTIONS_BYTES = 0x3f000000L;

    /** Between two sections, so that what is behind the end of one is not in the next. */
    private static final long GAP = 1 << 20;

    /** Imports are at least this far from each other; the kernel has some 30,000 exports. */
    private static final long LEAST_DISTANCE = 0x4000;

    private final KernelModule module;
    private final Btf btf;

    /** Each loaded section's first address and its content, relocated. */
    private final List<Placed> placed = new ArrayList<>();

    private final Map<ElfSection, Long> starts = new HashMap<>();
    private final KernelSymbols symbols;

    /** For each of {@link #symbols} by its index: that of the module, or null for an import. */
    private final List<Optional<ElfSymbol>> meant;

    private final long[] fentrySites;

    private record Placed(ElfSection section, long start, byte[] content) {
        boolean contains(long address) {
            return address - start >= 0 && address - start < section.size();
        }
    }

    private record Named(long address, char type, ElfSymbol symbol) {}

    private ModuleImage(KernelModule module, Btf btf) {
        this.module = module;
        this.btf = btf;
        place();
        Map<ElfSymbol, Long> addresses = new LinkedHashMap<>();
        List<Named> named = new ArrayList<>();
        define(addresses, named);
        importAll(addresses, named);
        placed.forEach(p -> relocate(p, addresses));
        named.sort(Comparator.comparingLong(Named::address));
        this.symbols = table(named);
        this.meant =
                named.stream()
                        .map(n ->
                                n.type() == IMPORT
                                        ? Optional.<ElfSymbol>empty()
                                        : Optional.of(n.symbol()))
                        .toList();
        this.fentrySites = readFentrySites();
    }

    /**
     * Lays out a module.
     *
     * @param btf of the kernel that it is for, which has the sizes of the entries of tables
     * @throws RebootlessException {@code RBL-KERNEL-MODULE} when it is damaged, or too large
     */
    public static ModuleImage of(KernelModule module, Btf btf) {
        return new ModuleImage(module, btf);
    }

    /** The module as it was read. */
    public KernelModule module() {
        return module;
    }

    private RebootlessException bad(String message) {
        return BadFile.MODULE.problem(module.name(), message);
    }

    private void place() {
        long at = SECTIONS_START;
        for (ElfSection section : module.sections()) {
            if (!section.isAllocated()) {
                continue;
            }
            long alignment = Math.max(1, section.alignment());
            if (alignment > GAP || section.size() < 0 || section.size() > SECTIONS_BYTES) {
                throw bad("its section " + section.name() + " has an impossible size or alignment");
            }
            starts.put(section, at);
            placed.add(
                    new Placed(
                            section,
                            at,
                            section.isNobits() ? new byte[0] : section.content().clone()));
            at += (section.size() + GAP - 1) / GAP * GAP + GAP;
            if (at - SECTIONS_START > SECTIONS_BYTES) {
                throw bad("its sections are larger than the space for modules");
            }
        }
    }

    private void define(Map<ElfSymbol, Long> addresses, List<Named> named) {
        for (ElfSymbol symbol : module.object().symbols()) {
            Long start = symbol.section().map(starts::get).orElse(null);
            if (start != null) {
                addresses.put(symbol, start + symbol.value());
                if (!symbol.name().isEmpty() && !symbol.isSectionSymbol()) {
                    named.add(new Named(start + symbol.value(), type(symbol), symbol));
                }
            }
        }
    }

    private void importAll(Map<ElfSymbol, Long> addresses, List<Named> named) {
        List<ElfSymbol> imports =
                module.object().symbols().stream()
                        .filter(s -> s.isUndefined() && !s.name().isEmpty())
                        .toList();
        // A field that reaches beyond an import must not look like one to another import.
        long distance = IMPORTS_BYTES / (imports.size() + 1) / 64 * 64;
        if (distance < LEAST_DISTANCE) {
            throw bad("it imports " + imports.size() + " symbols, more than any kernel exports");
        }
        long at = IMPORTS_START + distance;
        for (ElfSymbol symbol : imports) {
            addresses.put(symbol, at);
            named.add(new Named(at, IMPORT, symbol));
            at += distance;
        }
    }

    /** The letter of nm(1) for a symbol that is defined. */
    private static char type(ElfSymbol symbol) {
        ElfSection section = symbol.section().orElseThrow();
        if (symbol.binding() == Elf.STB_WEAK) {
            return symbol.isObject() ? 'V' : 'W';
        }
        char letter =
                section.isExecutable()
                        ? 't'
                        : section.isNobits() ? 'b' : section.isWritable() ? 'd' : 'r';
        return symbol.isLocal() ? letter : Character.toUpperCase(letter);
    }

    private void relocate(Placed part, Map<ElfSymbol, Long> addresses) {
        ByteBuffer content = ByteBuffer.wrap(part.content()).order(ByteOrder.LITTLE_ENDIAN);
        for (ElfRelocation relocation : module.object().relocations(part.section())) {
            int size = Elf.fieldSize(relocation.type());
            long offset = relocation.offset();
            if (offset < 0 || offset > content.capacity() - size) {
                throw bad("a relocation of " + part.section().name() + " is outside of it");
            }
            Long symbol = addresses.get(relocation.symbol());
            if (symbol == null) {
                if (relocation.symbol().place()
                        instanceof dev.rebootless.elf.SymbolPlace.Absolute) {
                    symbol = relocation.symbol().value();
                } else {
                    throw bad(
                            "a relocation of "
                                    + part.section().name()
                                    + " refers to what is not loaded: "
                                    + relocation.symbol().label());
                }
            }
            long value = symbol + relocation.addend();
            long place = part.start() + offset;
            int at = (int) offset;
            // As apply_relocate_add() of arch/x86/kernel/module.c.
            switch (relocation.type()) {
                case Elf.R_X86_64_NONE -> {}
                case Elf.R_X86_64_64 -> content.putLong(at, value);
                case Elf.R_X86_64_32, Elf.R_X86_64_32S -> content.putInt(at, (int) value);
                case Elf.R_X86_64_PC32, Elf.R_X86_64_PLT32 ->
                        content.putInt(at, (int) (value - place));
                case Elf.R_X86_64_PC64 -> content.putLong(at, value - place);
                default ->
                        throw bad(
                                "a relocation of "
                                        + part.section().name()
                                        + " has a type that the kernel does not know: "
                                        + relocation.type());
            }
        }
    }

    private static KernelSymbols table(List<Named> named) {
        ByteArrayOutputStream names = new ByteArrayOutputStream();
        int count = named.size();
        int[] nameStarts = new int[count + 1];
        byte[] types = new byte[count];
        long[] addresses = new long[count];
        int[] hashes = new int[count];
        for (int i = 0; i < count; i++) {
            Named one = named.get(i);
            nameStarts[i] = names.size();
            names.writeBytes(one.symbol().name().getBytes(StandardCharsets.ISO_8859_1));
            types[i] = (byte) one.type();
            addresses[i] = one.address();
            hashes[i] = one.symbol().name().hashCode();
        }
        nameStarts[count] = names.size();
        return KernelSymbols.of(names.toByteArray(), nameStarts, types, addresses, hashes);
    }

    @Override
    public String target() {
        // The kernel takes - in a module's name for _ (include/linux/moduleparam.h,
        // KBUILD_MODNAME).
        return module.name();
    }

    @Override
    public KernelSymbols symbols() {
        return symbols;
    }

    private Optional<Placed> partAt(long address) {
        return placed.stream().filter(p -> p.contains(address)).findFirst();
    }

    @Override
    public byte[] read(long address, int length) {
        Placed part = partAt(address).orElse(null);
        if (part == null
                || length < 0
                || length > part.section().size() - (address - part.start())) {
            throw RebootlessException.usage(
                    "RBL-KERNEL-ADDRESS",
                    "0x%x".formatted(address),
                    "the module %s has no section with %d bytes from there"
                            .formatted(module.name(), length),
                    "see that the module is of the kernel build that is patched");
        }
        int at = (int) (address - part.start());
        return part.section().isNobits()
                ? new byte[length]
                : Arrays.copyOfRange(part.content(), at, at + length);
    }

    @Override
    public List<Long> callSites(long address) {
        return placed.stream()
                .filter(p -> p.section().isExecutable())
                .flatMap(p -> CallSites.to(address, p.content(), p.start()).stream())
                .toList();
    }

    @Override
    public Optional<CodeTable> codeTable(String section) {
        Optional<CodeTable.Kind> kind =
                CodeTable.KINDS.stream().filter(k -> k.section().equals(section)).findFirst();
        Optional<Placed> part =
                placed.stream().filter(p -> p.section().name().equals(section)).findFirst();
        if (kind.isEmpty() || part.isEmpty()) {
            return Optional.empty();
        }
        long entrySize =
                kind.get().struct().isEmpty()
                        ? CodeTable.leastBytes(kind.get())
                        : btf.size("struct " + kind.get().struct()).orElse(0);
        if (entrySize < CodeTable.leastBytes(kind.get())
                || part.get().content().length % entrySize != 0) {
            throw bad("its table " + section + " is not made of whole entries");
        }
        return Optional.of(
                CodeTable.of(
                        part.get().start(),
                        part.get().content(),
                        (int) entrySize,
                        kind.get().anchor()));
    }

    /**
     * The places in {@code __mcount_loc}, which the loader gives to ftrace (ftrace_module_init).
     */
    private long[] readFentrySites() {
        return placed.stream()
                .filter(p -> p.section().name().equals("__mcount_loc"))
                .flatMapToLong(p -> {
                    int count = p.content().length / Long.BYTES;
                    return java.util.stream.IntStream.range(0, count)
                            .mapToLong(i -> Foreign.int64(p.content(), i * Long.BYTES));
                })
                .sorted()
                .toArray();
    }

    @Override
    public OptionalLong fentrySiteWithin(long start, long end) {
        return Arrays.stream(fentrySites).filter(s -> s >= start && s < end).findFirst();
    }

    @Override
    public boolean isText(long address) {
        return partAt(address).filter(p -> p.section().isExecutable()).isPresent();
    }

    @Override
    public boolean isInit(long address) {
        return partAt(address).filter(p -> p.section().name().startsWith(".init")).isPresent();
    }

    /** Whether a symbol is only imported; its address then has no bytes. */
    public boolean isImport(KernelSymbol symbol) {
        return symbol.type() == IMPORT;
    }

    /**
     * As {@link KernelModule#sympos}. Until a module is initialized the kernel counts over its
     * whole symbol table, afterwards over what it kept (kernel/module/kallsyms.c,
     * is_core_symbol()); where that differs for a name, no number is sure.
     */
    @Override
    public OptionalInt sympos(KernelSymbol symbol) {
        ElfSymbol own =
                meant.get(symbol.index())
                        .orElseThrow(() ->
                                new IllegalArgumentException(
                                        "not a symbol of " + module.name() + ": " + symbol.name()));
        boolean all = module.symbolsNamed(symbol.name()).stream().allMatch(this::isKept);
        return all ? OptionalInt.of(module.sympos(own)) : OptionalInt.empty();
    }

    private boolean isKept(ElfSymbol symbol) {
        return symbol.section().filter(starts::containsKey).isPresent() && !module.isInit(symbol);
    }
}
