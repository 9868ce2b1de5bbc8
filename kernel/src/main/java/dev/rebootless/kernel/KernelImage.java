package dev.rebootless.kernel;

import dev.rebootless.base.Lazy;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.Collectors;

/**
 * A shipped kernel, read from its image alone: sections, symbols, types, code.
 *
 * <p>Immutable and safe for use by several threads. Symbols, types and ftrace sites are decoded
 * when first asked for and kept. Addresses are those the kernel was linked for, before KASLR.
 */
public final class KernelImage implements ShippedCode {
    /** A boot image larger than this is not read; generic ones have 12 MB. */
    private static final long MAX_FILE_BYTES = 256L << 20;

    /** The longest kernel banner that is looked for; real ones have about 250 bytes. */
    private static final int MAX_BANNER_BYTES = 1024;

    private static final String BANNER_START = "Linux version ";

    /** A kernel has some 50,000 functions that can be traced. */
    private static final int MAX_FENTRY_SITES = 1 << 22;

    /** What {@link #read} gives at once; the largest function has some 100 kB. */
    private static final int MAX_READ_BYTES = 64 << 20;

    /** Entries of the tables about code have 4 to 16 bytes. */
    private static final long MAX_TABLE_ENTRY_BYTES = 256;

    private final ElfImage elf;
    private final Lazy<KernelSymbols> symbols = new Lazy<>(this::decodeSymbols);
    private final Lazy<Btf> btf = new Lazy<>(this::parseBtf);
    private final Lazy<long[]> fentrySites = new Lazy<>(this::readFentrySites);
    private final Map<String, Lazy<Optional<CodeTable>>> codeTables =
            CodeTable.KINDS.stream()
                    .collect(
                            Collectors.toUnmodifiableMap(
                                    CodeTable.Kind::section,
                                    kind -> new Lazy<>(() -> readCodeTable(kind))));

    private KernelImage(ElfImage elf) {
        this.elf = elf;
    }

    /**
     * Opens a kernel file: a boot image ({@code vmlinuz}), which is decompressed into memory, or a
     * decompressed {@code vmlinux}, which is mapped, so that only what is looked at is read. A
     * mapped file must not be changed or shortened while it is in use.
     *
     * @throws IOException when the file cannot be read
     * @throws RebootlessException {@code RBL-KERNEL-IMAGE} when it is no kernel, or damaged
     */
    public static KernelImage open(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long size = channel.size();
            byte[] start = new byte[4];
            ByteBuffer startBuffer = ByteBuffer.wrap(start);
            while (startBuffer.hasRemaining() && channel.read(startBuffer) >= 0) {}
            if (ElfImage.isElf(start)) {
                if (size > BootImage.MAX_VMLINUX_BYTES) {
                    throw BadFile.IMAGE.problem(
                            file.toString(),
                            "it has %d bytes; no kernel has more than %d"
                                    .formatted(size, BootImage.MAX_VMLINUX_BYTES));
                }
                return of(channel.map(FileChannel.MapMode.READ_ONLY, 0, size));
            }
            if (size > MAX_FILE_BYTES) {
                throw BadFile.IMAGE.problem(
                        file.toString(),
                        "it has %d bytes; no boot image has more than %d"
                                .formatted(size, MAX_FILE_BYTES));
            }
            byte[] all = new byte[(int) size];
            ByteBuffer buffer = ByteBuffer.wrap(all);
            while (buffer.hasRemaining()) {
                if (channel.read(buffer, buffer.position()) < 0) {
                    throw new IOException("ends early: " + file);
                }
            }
            return of(BootImage.read(all).vmlinux(all));
        }
    }

    /**
     * Reads a decompressed {@code vmlinux}.
     *
     * @param vmlinux not copied; must not be changed
     * @throws RebootlessException {@code RBL-KERNEL-IMAGE} when it is no kernel, or damaged
     */
    public static KernelImage of(byte[] vmlinux) {
        return of(ByteBuffer.wrap(vmlinux));
    }

    /** As {@link #of(byte[])}, from position to limit. */
    public static KernelImage of(ByteBuffer vmlinux) {
        return new KernelImage(ElfImage.read(vmlinux));
    }

    @Override
    public String target() {
        return VMLINUX;
    }

    /** All sections, those that are not loaded too, in the order of the file. */
    public List<ImageSection> sections() {
        return elf.sections();
    }

    /** The first section of a name. */
    public Optional<ImageSection> section(String name) {
        for (ImageSection section : sections()) {
            if (section.name().equals(name)) {
                return Optional.of(section);
            }
        }
        return Optional.empty();
    }

    /**
     * The section that an address is in. Low addresses, which are offsets into the per-CPU area,
     * are in {@code .data..percpu}.
     */
    public Optional<ImageSection> sectionAt(long address) {
        for (ImageSection section : sections()) {
            if (section.contains(address)) {
                return Optional.of(section);
            }
        }
        return Optional.empty();
    }

    @Override
    public boolean isText(long address) {
        return sectionAt(address).filter(ImageSection::executable).isPresent();
    }

    /**
     * The bytes at an address as they are in the file: before the kernel has applied alternatives
     * and the like to itself. Those of {@code .bss} are zeros.
     *
     * @param length in bytes, up to 64 MiB
     * @throws RebootlessException {@code RBL-KERNEL-ADDRESS} when they are not all in one section
     */
    @Override
    public byte[] read(long address, int length) {
        ImageSection section = sectionAt(address).orElse(null);
        if (section == null
                || length < 0
                || length > MAX_READ_BYTES
                || length > section.size() - (address - section.address())) {
            throw RebootlessException.usage(
                    "RBL-KERNEL-ADDRESS",
                    "0x%x".formatted(address),
                    "the image has no section with %d bytes from there".formatted(length),
                    "see that the image and the symbols are of the same kernel build");
        }
        return elf.content(section, address - section.address(), length);
    }

    @Override
    public List<Long> callSites(long address) {
        List<Long> sites = new ArrayList<>();
        for (ImageSection section : sections()) {
            if (section.executable() && section.inFile() && section.size() <= MAX_READ_BYTES) {
                byte[] code = elf.content(section, 0, (int) section.size());
                sites.addAll(CallSites.to(address, code, section.address()));
            }
        }
        return sites;
    }

    /** The string at an address, to its zero byte; empty when there is none within the limit. */
    private Optional<String> readString(long address, int limit) {
        Optional<ImageSection> section = sectionAt(address);
        if (section.isEmpty()) {
            return Optional.empty();
        }
        long room = section.get().size() - (address - section.get().address());
        byte[] bytes = read(address, (int) Math.min(room, limit));
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == 0) {
                return Optional.of(new String(bytes, 0, i, StandardCharsets.UTF_8));
            }
        }
        return Optional.empty();
    }

    /**
     * The build id, which names the kernel build, in lower-case hexadecimal digits: the note
     * NT_GNU_BUILD_ID that ld writes, as the kernel shows it in /sys/kernel/notes. Empty when it
     * was linked without.
     */
    public Optional<String> buildId() {
        for (ImageSection section : sections()) {
            if (section.isNotes() && section.inFile() && section.size() <= Notes.MAX_BYTES) {
                Optional<String> id = Notes.buildId(elf.content(section));
                if (id.isPresent()) {
                    return id;
                }
            }
        }
        return Optional.empty();
    }

    /**
     * The symbols, decoded from the image's own kallsyms.
     *
     * @throws RebootlessException {@code RBL-KERNEL-KALLSYMS} when it has none, or they are damaged
     */
    @Override
    public KernelSymbols symbols() {
        return symbols.get();
    }

    /**
     * Whether a module that a livepatch patches can come again after it was removed under that
     * livepatch. It can where the kernel clears the livepatch's relocations as the module goes:
     * klp_clear_object_relocs() in kernel/livepatch/core.c calls clear_relocate_add() of
     * arch/x86/kernel/module.c, which is there since 6.3, and is what is looked for. Others find
     * the relocations written already, and refuse the module.
     *
     * @throws RebootlessException as {@link #symbols}
     */
    public boolean clearsLivepatchRelocations() {
        return !symbols().named("clear_relocate_add").isEmpty();
    }

    private KernelSymbols decodeSymbols() {
        // The table is in .rodata of every kernel so far; the others are for those to come.
        List<ImageSection> readOnlyDataFirst =
                sections().stream()
                        .filter(s -> s.inFile() && s.allocated() && !s.executable())
                        .filter(s -> s.address() % 8 == 0)
                        .sorted(
                                java.util.Comparator.comparing(
                                        (ImageSection s) -> !s.name().equals(".rodata")))
                        .toList();
        for (ImageSection section : readOnlyDataFirst) {
            Optional<KernelSymbols> found = Kallsyms.decode(elf.content(section));
            if (found.isPresent()) {
                return found.get();
            }
        }
        throw BadFile.KALLSYMS.problem("vmlinux", "it has no symbol table (kallsyms)");
    }

    /**
     * The types.
     *
     * @throws RebootlessException {@code RBL-KERNEL-BTF} when it has none, or they are damaged
     */
    public Btf btf() {
        return btf.get();
    }

    private Btf parseBtf() {
        ImageSection section =
                section(".BTF")
                        .filter(ImageSection::inFile)
                        .orElseThrow(
                                () -> BadFile.BTF.problem("vmlinux", "it has no section .BTF"));
        return Btf.parse(elf.content(section));
    }

    /**
     * The memory that the kernel frees when it has booted, from {@code __init_begin} to {@code
     * __init_end}. kallsyms goes on listing the symbols in it; nothing new may refer to them.
     */
    public AddressRange initRange() {
        return new AddressRange(addressOf("__init_begin"), addressOf("__init_end"));
    }

    @Override
    public boolean isInit(long address) {
        return initRange().contains(address);
    }

    /** As {@link KernelSymbols#sympos}; in vmlinux it is always sure. */
    @Override
    public OptionalInt sympos(KernelSymbol symbol) {
        return OptionalInt.of(symbols().sympos(symbol));
    }

    /**
     * The addresses at which ftrace can take over, that is, of the calls to {@code __fentry__} or
     * of the NOPs in their place, in rising order: the table from {@code __start_mcount_loc} to
     * {@code __stop_mcount_loc} (include/asm-generic/vmlinux.lds.h, MCOUNT_REC). Entries that are
     * not in code, which the build leaves for functions that it dropped, are left out.
     *
     * @return a copy
     */
    public long[] fentrySites() {
        return fentrySites.get().clone();
    }

    /** The first ftrace site from {@code start} on and below {@code end}. */
    @Override
    public OptionalLong fentrySiteWithin(long start, long end) {
        long[] sites = fentrySites.get();
        // All are in the upper half of the address space, so signed order is right for them.
        int i = Arrays.binarySearch(sites, start);
        int first = i >= 0 ? i : -i - 1;
        return first < sites.length && sites[first] < end
                ? OptionalLong.of(sites[first])
                : OptionalLong.empty();
    }

    private long[] readFentrySites() {
        long start = addressOf("__start_mcount_loc");
        long size = addressOf("__stop_mcount_loc") - start;
        if (size < 0 || size % 8 != 0 || size / 8 > MAX_FENTRY_SITES) {
            throw BadFile.IMAGE.problem(
                    "__start_mcount_loc",
                    "the table of ftrace sites has an impossible length " + size);
        }
        byte[] table = read(start, (int) size);
        long[] sites = new long[table.length / 8];
        int count = 0;
        for (int i = 0; i < sites.length; i++) {
            long site = Foreign.int64(table, 8 * i);
            if (isText(site)) {
                sites[count++] = site;
            }
        }
        long[] sorted = Arrays.copyOf(sites, count);
        Arrays.sort(sorted);
        return sorted;
    }

    /**
     * The table that the sections of one name in all objects became.
     *
     * @param section such as {@code __bug_table}
     * @return empty when this kernel has no such table, or it is none about places in code
     * @throws RebootlessException {@code RBL-KERNEL-IMAGE} when it is damaged
     */
    @Override
    public Optional<CodeTable> codeTable(String section) {
        Lazy<Optional<CodeTable>> table = codeTables.get(section);
        return table == null ? Optional.empty() : table.get();
    }

    private Optional<CodeTable> readCodeTable(CodeTable.Kind kind) {
        Optional<KernelSymbol> start = symbols().unique(kind.start());
        Optional<KernelSymbol> stop = symbols().unique(kind.stop());
        if (start.isEmpty() || stop.isEmpty()) {
            return Optional.empty();
        }
        long size = stop.get().address() - start.get().address();
        long entrySize =
                kind.struct().isEmpty()
                        ? CodeTable.leastBytes(kind)
                        : btf().size("struct " + kind.struct()).orElse(0);
        if (entrySize < CodeTable.leastBytes(kind)
                || entrySize > MAX_TABLE_ENTRY_BYTES
                || size < 0
                || size % entrySize != 0
                || size > MAX_READ_BYTES) {
            throw BadFile.IMAGE.problem(
                    kind.start(),
                    "the table has an impossible length %d for entries of %d bytes"
                            .formatted(size, entrySize));
        }
        byte[] content = size == 0 ? new byte[0] : read(start.get().address(), (int) size);
        return Optional.of(
                CodeTable.of(start.get().address(), content, (int) entrySize, kind.anchor()));
    }

    /**
     * The line that the kernel prints first, such as {@code Linux version 6.1.0-56-cloud-amd64 (…)
     * …}, with its line end.
     */
    public String banner() {
        return readString(addressOf("linux_banner"), MAX_BANNER_BYTES)
                .filter(text -> text.startsWith(BANNER_START))
                .orElseThrow(() ->
                        BadFile.IMAGE.problem(
                                "linux_banner", "there is no kernel banner at this symbol"));
    }

    /** The kernel release as {@code uname -r} prints it, from the banner. */
    public String release() {
        String banner = banner();
        int end = banner.indexOf(' ', BANNER_START.length());
        return banner.substring(BANNER_START.length(), end < 0 ? banner.length() : end);
    }

    private long addressOf(String symbol) {
        return symbols()
                .unique(symbol)
                .map(KernelSymbol::address)
                .orElseThrow(() ->
                        BadFile.KALLSYMS.problem(
                                symbol, "this kernel has no symbol, or several, of that name"));
    }
}
