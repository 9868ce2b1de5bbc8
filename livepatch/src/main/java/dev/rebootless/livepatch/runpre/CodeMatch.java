package dev.rebootless.livepatch.runpre;

import dev.rebootless.diff.Entry;
import dev.rebootless.diff.Item;
import dev.rebootless.diff.ItemKind;
import dev.rebootless.diff.ObjectModel;
import dev.rebootless.diff.Reference;
import dev.rebootless.diff.SpecialTable;
import dev.rebootless.diff.Target;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.elf.x86.Instruction;
import dev.rebootless.elf.x86.Nops;
import dev.rebootless.elf.x86.X86Decoder;
import dev.rebootless.kernel.CodeTable;
import dev.rebootless.kernel.KernelSymbol;
import dev.rebootless.kernel.ModuleImage;
import dev.rebootless.kernel.ShippedCode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Compares one item of a rebuilt object with the bytes at one address of the shipped code. An
 * address field tells where its target must be; that place must carry the target's name in kallsyms
 * or, where the target has no name of its own (strings, jump tables, pieces of alternatives), its
 * content. What the kernel's tables say of the code ({@link CodeTable}) is compared in the same
 * way.
 */
final class CodeMatch {
    /**
     * Jump tables of jump tables do not exist; the bound keeps hostile objects from recursing for
     * ever.
     */
    private static final int MAX_DEPTH = 8;

    /** The bits of st_other that hold the visibility; STV_DEFAULT is 0. */
    private static final int VISIBILITY = 3;

    /** {@code jmp} with a distance of four bytes. */
    private static final int MAX_SITE_BYTES = 5;

    private final ObjectModel model;
    private final ShippedCode image;

    /** Where in the image the function is looked for. */
    private final long root;

    private final Map<Item, Long> addresses = new LinkedHashMap<>();
    private final Map<String, Long> externals = new LinkedHashMap<>();
    private @Nullable Mismatch mismatch;

    private CodeMatch(ObjectModel model, ShippedCode image, long root) {
        this.model = model;
        this.image = image;
        this.root = root;
    }

    /** What a comparison yields: a mismatch, or the addresses that the code implies. */
    record Result(
            Optional<Mismatch> mismatch, Map<Item, Long> addresses, Map<String, Long> externals) {}

    static Result compare(ObjectModel model, ShippedCode image, Item item, long address) {
        CodeMatch match = new CodeMatch(model, image, address);
        match.addresses.put(item, address);
        boolean same = match.same(item, address, item, 0) && match.sameTables(item, address);
        return new Result(
                same ? Optional.empty() : Optional.ofNullable(match.mismatch),
                match.addresses,
                match.externals);
    }

    /** The place of the function is the one compared with, wherever the difference was found. */
    private boolean fail(Item function, long address, long offset, String reason) {
        if (mismatch == null) {
            mismatch = new Mismatch(function.name(), root, address == root ? offset : -1, reason);
        }
        return false;
    }

    private boolean same(Item item, long address, Item function, int depth) {
        if (depth > MAX_DEPTH) {
            return fail(function, address, -1, "its references nest too deeply");
        }
        if (item.section().isNobits()) {
            return true;
        }
        byte[] shipped;
        try {
            shipped = image.read(address, (int) item.size());
        } catch (RuntimeException e) {
            return fail(function, address, -1, "the image has no bytes there");
        }
        byte[] built =
                Arrays.copyOfRange(item.section().content(), (int) item.offset(), (int) item.end());
        if (built.length != shipped.length) {
            return fail(function, address, -1, "the image has no bytes there");
        }
        boolean[] free = new boolean[built.length];
        List<Reference> references = model.references(item);
        for (Reference reference : references) {
            for (int i = 0; i < Elf.fieldSize(reference.type()); i++) {
                free[(int) reference.offset() + i] = true;
            }
        }
        if (!freeJumpLabels(item, built, shipped, free, function, address)) {
            return false;
        }
        for (int i = 0; i < built.length; i++) {
            if (!free[i] && built[i] != shipped[i]) {
                return fail(
                        function,
                        address,
                        i,
                        String.format(
                                "the byte at offset 0x%x is 0x%02x in the shipped kernel and 0x%02x when built here",
                                i, shipped[i] & 0xff, built[i] & 0xff));
            }
        }
        for (Reference reference : references) {
            if (!isJumpLabelDistance(item, (int) reference.offset())
                    && !sameTarget(address, shipped, reference, function, depth)) {
                return false;
            }
        }
        return true;
    }

    /**
     * At a jump label stands a jump or a NOP of the same length: gcc writes the one, objtool
     * (tools/objtool/check.c, handle_jump_alt) may have made the other of it.
     */
    private boolean freeJumpLabels(
            Item item, byte[] built, byte[] shipped, boolean[] free, Item function, long address) {
        for (long site : model.jumpLabelSites(item)) {
            int at = (int) site;
            Instruction ours = X86Decoder.decode(built, at, built.length);
            Instruction theirs = X86Decoder.decode(shipped, at, shipped.length);
            boolean isNop = Nops.isNop(shipped, at, ours.length());
            boolean isJump =
                    theirs.kind() == Instruction.Kind.JUMP_RELATIVE
                            && theirs.length() == ours.length();
            if (!isNop && !isJump) {
                return fail(
                        function, address, at, "at its jump label stands neither a jump nor a NOP");
            }
            if (isJump
                    && ours.kind() == Instruction.Kind.JUMP_RELATIVE
                    && ours.target().isPresent()
                    && !free[ours.displacement().offset()]
                    && !ours.target().equals(theirs.target())) {
                return fail(function, address, at, "its jump label goes to another place");
            }
            for (int i = 0; i < ours.length(); i++) {
                free[at + i] = true;
            }
        }
        return true;
    }

    /**
     * Whether the kernel's tables say of the shipped function what the rebuilt one's say: which
     * instructions are alternatives, which key a jump label follows, where a fault leads.
     */
    private boolean sameTables(Item item, long address) {
        for (SpecialTable table : SpecialTable.X86_64) {
            Optional<CodeTable> linked = image.codeTable(table.section());
            List<Entry> built =
                    model.entries(item).stream()
                            .filter(e -> e.table().equals(table))
                            .sorted(Comparator.comparingLong(Entry::place))
                            .toList();
            if (table.role() != SpecialTable.Role.CARRIED
                    // Which functions have an ftrace site is asked for each (RBL-NO-FENTRY).
                    || table.section().equals("__mcount_loc")
                    || (linked.isEmpty() && built.isEmpty())) {
                continue;
            }
            List<CodeTable.Entry> shipped =
                    linked.map(t -> t.within(address, address + item.size())).orElse(List.of());
            if (built.size() != shipped.size()) {
                return fail(
                        item,
                        address,
                        -1,
                        "it has %d entries in %s, and the shipped function has %d"
                                .formatted(built.size(), table.section(), shipped.size()));
            }
            for (int i = 0; i < built.size(); i++) {
                if (!sameEntry(built.get(i), shipped.get(i), item, address)) {
                    return false;
                }
            }
        }
        return true;
    }

    private boolean sameEntry(Entry built, CodeTable.Entry shipped, Item function, long address) {
        byte[] ours =
                Arrays.copyOfRange(
                        built.section().content(),
                        (int) built.offset(),
                        (int) (built.offset() + built.size()));
        byte[] theirs = shipped.bytes();
        boolean same = ours.length == theirs.length && shipped.place() == address + built.place();
        boolean[] free = new boolean[ours.length];
        for (Reference reference : built.references()) {
            for (int i = 0; i < Elf.fieldSize(reference.type()); i++) {
                free[(int) reference.offset() + i] = true;
            }
        }
        for (int i = 0; same && i < ours.length; i++) {
            same = free[i] || ours[i] == theirs[i];
        }
        if (!same) {
            return fail(
                    function,
                    address,
                    built.place(),
                    "its entry in "
                            + built.table().section()
                            + " is another one in the shipped kernel");
        }
        for (Reference reference : built.references()) {
            if (!built.isUnused(reference)
                    && !sameTarget(shipped.address(), theirs, reference, function, 0)) {
                return false;
            }
        }
        return true;
    }

    /**
     * Whether an address field leads to the same thing.
     *
     * @param address of the bytes that the field is in
     * @param shipped these bytes
     */
    private boolean sameTarget(
            long address, byte[] shipped, Reference reference, Item function, int depth) {
        int at = (int) reference.offset();
        ByteBuffer field = ByteBuffer.wrap(shipped).order(ByteOrder.LITTLE_ENDIAN);
        long value;
        switch (reference.type()) {
            case Elf.R_X86_64_PC32, Elf.R_X86_64_PLT32 -> value = field.getInt(at) + address + at;
            case Elf.R_X86_64_PC8 -> value = field.get(at) + address + at;
            case Elf.R_X86_64_PC64 -> value = field.getLong(at) + address + at;
            case Elf.R_X86_64_32S -> value = field.getInt(at);
            case Elf.R_X86_64_32 -> value = Integer.toUnsignedLong(field.getInt(at));
            case Elf.R_X86_64_64 -> value = field.getLong(at);
            case Elf.R_X86_64_NONE -> {
                return true;
            }
            default -> {
                return fail(
                        function, address, at, "it has a relocation of type " + reference.type());
            }
        }
        return switch (reference.target()) {
            case Target.External(ElfSymbol symbol, long addend) ->
                    external(symbol, value - addend, function, address, at);
            case Target.Text(ElfSection section, long offset, long displacement) ->
                    sameText(section, offset, value - displacement, function, address, at);
            case Target.InItem(Item target, long displacement, long place) ->
                    sameItem(target, value - displacement, function, address, at, depth);
        };
    }

    /**
     * Whether a field is the distance of a jump label, which may be a NOP in the image. A site has
     * 2 or 5 bytes (arch/x86/include/asm/jump_label.h); what follows a short one is code again.
     */
    private boolean isJumpLabelDistance(Item item, int at) {
        byte[] code = item.section().content();
        for (long site : model.jumpLabelSites(item)) {
            int start = (int) (item.offset() + site);
            if (at > site
                    && at < site + MAX_SITE_BYTES
                    && at < site + X86Decoder.decode(code, start, (int) item.end()).length()) {
                return true;
            }
        }
        return false;
    }

    private boolean external(ElfSymbol symbol, long target, Item function, long address, int at) {
        String name = symbol.name();
        if (!isNamed(target, symbol)) {
            return fail(function, address, at, pointsElsewhere(name, target));
        }
        Long known = externals.putIfAbsent(name, target);
        if (known != null && known != target) {
            return fail(function, address, at, name + " is at two places");
        }
        return true;
    }

    private boolean isNamed(long address, ElfSymbol symbol) {
        return image.symbols().at(address).stream().anyMatch(s -> isMeantBy(symbol, s));
    }

    /**
     * Whether a reference to a symbol can mean one of the image. A static one is never meant by
     * another unit, nor a global one by a static name of the unit; a hidden one is local in the
     * linked image (gABI, "Symbol Visibility").
     */
    private static boolean isMeantBy(ElfSymbol symbol, KernelSymbol shipped) {
        boolean hidden = (symbol.other() & VISIBILITY) != 0;
        // Of per-CPU symbols kallsyms does not say it: all are A (scripts/kallsyms.c).
        boolean known = shipped.type() != 'A' && !hidden;
        return shipped.name().equals(symbol.name())
                && (!known || symbol.isLocal() == Character.isLowerCase(shipped.type()));
    }

    /**
     * Whether a symbol of the image can be what a unit defines: as {@link #isMeantBy}, and a weak
     * definition is in the image only if the image's symbol is weak; otherwise another unit's
     * strong one took its place.
     */
    static boolean isDefinedBy(ElfSymbol symbol, KernelSymbol shipped) {
        boolean weak = symbol.binding() == Elf.STB_WEAK;
        boolean shippedWeak = shipped.type() == 'W' || shipped.type() == 'V';
        return shipped.type() != ModuleImage.IMPORT
                && isMeantBy(symbol, shipped)
                && (weak == shippedWeak);
    }

    private String pointsElsewhere(String name, long target) {
        String there =
                image.symbols()
                        .containing(target)
                        .map(s -> s.name() + offset(s, target))
                        .orElse("no symbol");
        return "it refers to " + name + ", but the shipped code to " + there;
    }

    private static String offset(KernelSymbol symbol, long target) {
        return target == symbol.address()
                ? ""
                : "+0x" + Long.toHexString(target - symbol.address());
    }

    private boolean sameText(
            ElfSection section, long offset, long target, Item function, long address, int at) {
        byte[] content = section.content();
        int end = (int) offset;
        int width = (int) Math.max(1, section.entrySize());
        while (end + width <= content.length && !isZero(content, end, width)) {
            end += width;
        }
        int length = Math.min(end + width, content.length) - (int) offset;
        try {
            byte[] shipped = image.read(target, length);
            if (Arrays.equals(
                    shipped, 0, shipped.length, content, (int) offset, (int) offset + length)) {
                return true;
            }
        } catch (RuntimeException e) {
            // No such place in the image: reported below.
        }
        return fail(
                function,
                address,
                at,
                "a string that it uses is another one in the shipped kernel");
    }

    private static boolean isZero(byte[] content, int at, int width) {
        for (int i = 0; i < width; i++) {
            if (content[at + i] != 0) {
                return false;
            }
        }
        return true;
    }

    private boolean sameItem(
            Item target, long there, Item function, long address, int at, int depth) {
        Long known = addresses.get(target);
        if (known != null) {
            return known == there
                    || fail(function, address, at, target.name() + " is at two places");
        }
        boolean byContent =
                target.symbols().isEmpty()
                        || target.kind() == ItemKind.LITERAL
                        || target.kind() == ItemKind.FRAGMENT;
        if (byContent) {
            addresses.put(target, there);
            return same(target, there, function, depth + 1);
        }
        boolean named = target.symbols().stream().anyMatch(s -> isNamed(there, s));
        if (!named) {
            return fail(function, address, at, pointsElsewhere(target.name(), there));
        }
        addresses.put(target, there);
        return true;
    }
}
