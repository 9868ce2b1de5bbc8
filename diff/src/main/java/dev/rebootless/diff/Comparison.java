package dev.rebootless.diff;

import dev.rebootless.elf.ElfSection;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Whether a paired item is the same in both objects: equal bytes outside address fields, equal
 * targets of the fields, equal entries in the special tables. Line numbers do not count: in {@code
 * __bug_table}, in {@code __dyndbg}, and where code reports them ({@link LineNumbers}).
 */
final class Comparison {
    private final ObjectModel original;
    private final ObjectModel patched;
    private final Correlation correlation;
    private final SourceLines lines;

    /** Content found equal by earlier comparisons. */
    private final Set<Pair> equal = new HashSet<>();

    /** Content that the comparison under way takes to be equal. */
    private final Set<Pair> assumed = new HashSet<>();

    /** What of {@link #assumed} has still to be compared. */
    private final Deque<Pair> work = new ArrayDeque<>();

    /** The {@link #sectionClass} of functions that the source puts nowhere in particular. */
    static final String ORDINARY_CODE = "text";

    private record Pair(Item ours, Item theirs) {}

    Comparison(
            ObjectModel original, ObjectModel patched, Correlation correlation, SourceLines lines) {
        this.original = original;
        this.patched = patched;
        this.correlation = correlation;
        this.lines = lines;
    }

    /**
     * True if nothing that the item does or holds has changed. Content that it points at is
     * compared along the references, each pair once: a circle holds if the rest does.
     */
    boolean same(Item ours, Item theirs) {
        assumed.clear();
        work.clear();
        work.add(new Pair(ours, theirs));
        while (!work.isEmpty()) {
            Pair pair = work.remove();
            if (!sameButForContent(pair.ours(), pair.theirs())) {
                return false;
            }
        }
        // All of it together was found equal, so each of it is.
        equal.addAll(assumed);
        return true;
    }

    private boolean sameButForContent(Item ours, Item theirs) {
        return sectionClass(ours).equals(sectionClass(theirs))
                && sameBytes(original, ours, patched, theirs, lines)
                && sameReferences(original.references(ours), patched.references(theirs))
                && sameAround(ours, theirs)
                && sameEntries(original.entries(ours), patched.entries(theirs));
    }

    /** The name of a section without what -ffunction-sections and -fdata-sections add to it. */
    static String sectionClass(Item item) {
        String name = item.section().name();
        if (item.isFunction()) {
            return codeClass(name);
        }
        for (String prefix :
                List.of(
                        ".data.rel.ro.local",
                        ".data.rel.ro",
                        ".data.rel.local",
                        ".data.rel",
                        ".rodata",
                        ".bss")) {
            if (name.equals(prefix) || name.startsWith(prefix + ".")) {
                return prefix;
            }
        }
        return name.startsWith(".data.")
                        && !name.startsWith(".data..")
                        && !name.equals(".data.once")
                ? ".data"
                : name;
    }

    /**
     * Where the source put a function, such as {@code .init}, {@code .kprobes.text}, {@code
     * .sched.text}. Which of the compiler's own sections it is in ({@code .text.unlikely.f}) means
     * nothing.
     */
    private static String codeClass(String name) {
        if (name.startsWith(".init") || name.startsWith(".exit")) {
            return name.substring(0, 5);
        }
        if (name.startsWith(".text..")) {
            return name;
        }
        return name.equals(".text") || name.startsWith(".text.") ? ORDINARY_CODE : name;
    }

    /** True if the bytes outside address fields (and line numbers) are equal. */
    static boolean sameBytes(
            ObjectModel a, Item ours, ObjectModel b, Item theirs, SourceLines moving) {
        if (ours.size() != theirs.size()) {
            return false;
        }
        if (ours.section().isNobits() || theirs.section().isNobits()) {
            return isZero(ours) && isZero(theirs);
        }
        List<Reference> fields = new ArrayList<>(a.references(ours));
        fields.addAll(b.references(theirs));
        ByteOrder order = a.object().header().order();
        byte[] left = region(a, ours.section(), ours.offset(), ours.size(), fields);
        byte[] right = region(a, theirs.section(), theirs.offset(), theirs.size(), fields);
        if (ours.section().name().equals("__dyndbg")) {
            FieldBits line = debugSiteLine(order);
            line.clear(left, DEBUG_SITE_LINE, order);
            line.clear(right, DEBUG_SITE_LINE, order);
        }
        if (java.util.Arrays.equals(left, right)) {
            return true;
        }
        if (!ours.isFunction() || !theirs.isFunction() || moving == SourceLines.ARE_PINNED) {
            return false;
        }
        Map<Integer, FieldBits> lines = new HashMap<>(a.architecture().lines(a, ours));
        lines.entrySet().retainAll(b.architecture().lines(b, theirs).entrySet());
        lines.forEach((at, bits) -> {
            bits.clear(left, at, order);
            bits.clear(right, at, order);
        });
        return java.util.Arrays.equals(left, right);
    }

    private static boolean isZero(Item item) {
        if (item.section().isNobits()) {
            return true;
        }
        byte[] content = item.section().content();
        for (long at = item.offset(); at < item.end(); at++) {
            if (content[(int) at] != 0) {
                return false;
            }
        }
        return true;
    }

    /** include/linux/dynamic_debug.h, struct _ddebug: lineno comes after four pointers. */
    private static final int DEBUG_SITE_LINE = 32;

    /** Its 18 bits are the low ones, or, as bit fields of big-endian ABIs begin there, the high. */
    private static FieldBits debugSiteLine(ByteOrder order) {
        return FieldBits.word(order == ByteOrder.LITTLE_ENDIAN ? 0x3ffff : 0x3ffffL << 14);
    }

    private static byte[] region(
            ObjectModel model, ElfSection section, long offset, long size, List<Reference> fields) {
        byte[] bytes =
                java.util.Arrays.copyOfRange(
                        section.content(), (int) offset, (int) (offset + size));
        for (Reference field : fields) {
            model.bits(field.type())
                    .clear(bytes, (int) field.offset(), model.object().header().order());
        }
        return bytes;
    }

    /**
     * What code means by an address that it only starts from is the layout around it: if the pieces
     * there, as far as both objects have them, do not pair place by place, the code may mean other
     * variables than before ({@link Architecture#mayBeAnchor}).
     */
    private boolean sameAround(Item ours, Item theirs) {
        List<Reference> before = original.references(ours);
        List<Reference> after = patched.references(theirs);
        for (int i = 0; i < before.size(); i++) {
            if ((Anchors.isAnchor(original, ours, before.get(i))
                            || Anchors.isAnchor(patched, theirs, after.get(i)))
                    && before.get(i).target() instanceof Target.InItem(Item a, long d1, long p1)
                    && after.get(i).target() instanceof Target.InItem(Item b, long d2, long p2)
                    && !sameLayout(a.section(), b.section())) {
                return false;
            }
        }
        return true;
    }

    private boolean sameLayout(ElfSection ours, ElfSection theirs) {
        List<Item> before = original.itemsIn(ours);
        List<Item> after = patched.itemsIn(theirs);
        for (int i = 0; i < Math.min(before.size(), after.size()); i++) {
            if (before.get(i).offset() != after.get(i).offset()
                    || before.get(i).size() != after.get(i).size()
                    || !sameThing(before.get(i), after.get(i))) {
                return false;
            }
        }
        return true;
    }

    private boolean sameReferences(List<Reference> ours, List<Reference> theirs) {
        if (ours.size() != theirs.size()) {
            return false;
        }
        for (int i = 0; i < ours.size(); i++) {
            if (!sameReference(ours.get(i), theirs.get(i))) {
                return false;
            }
        }
        return true;
    }

    private int form(int type) {
        return original.architecture().form(type);
    }

    private boolean sameReference(Reference ours, Reference theirs) {
        return ours.offset() == theirs.offset()
                && form(ours.type()) == form(theirs.type())
                && sameTarget(ours.target(), theirs.target());
    }

    private boolean sameTarget(Target ours, Target theirs) {
        return switch (ours) {
            case Target.External(dev.rebootless.elf.ElfSymbol symbol, long addend) ->
                    theirs
                                    instanceof
                                    Target.External(
                                            dev.rebootless.elf.ElfSymbol other,
                                            long otherAddend)
                            && symbol.name().equals(other.name())
                            && symbol.section()
                                    .map(ElfSection::name)
                                    .equals(other.section().map(ElfSection::name))
                            && addend == otherAddend;
            case Target.Text(ElfSection section, long offset, long displacement) ->
                    theirs
                                    instanceof
                                    Target.Text(
                                            ElfSection other,
                                            long otherOffset,
                                            long otherDisplacement)
                            && displacement == otherDisplacement
                            && sameText(
                                    Strings.at(section, offset), Strings.at(other, otherOffset));
            case Target.InItem(Item item, long displacement, long place) ->
                    theirs
                                    instanceof
                                    Target.InItem(
                                            Item other,
                                            long otherDisplacement,
                                            long otherPlace)
                            && displacement == otherDisplacement
                            && sameThing(item, other);
        };
    }

    private boolean sameText(String ours, String theirs) {
        return switch (lines) {
            case MAY_MOVE -> LineNumbers.sameText(ours, theirs);
            case ARE_PINNED -> ours.equals(theirs);
        };
    }

    private boolean sameThing(Item ours, Item theirs) {
        if (ours.kind() != theirs.kind()) {
            return false;
        }
        return switch (ours.kind()) {
            case FUNCTION -> correlation.patchedOf(ours).orElse(null) == theirs;
            case DATA ->
                    ours.symbols().isEmpty()
                            ? sameContent(ours, theirs)
                            : correlation.patchedOf(ours).orElse(null) == theirs;
            case FRAGMENT, LITERAL -> sameContent(ours, theirs);
        };
    }

    /** Puts off the comparison of what the compiler made: true unless it is found otherwise. */
    private boolean sameContent(Item ours, Item theirs) {
        Pair pair = new Pair(ours, theirs);
        if (!equal.contains(pair) && assumed.add(pair)) {
            work.add(pair);
        }
        return true;
    }

    private boolean sameEntries(List<Entry> ours, List<Entry> theirs) {
        if (ours.size() != theirs.size()) {
            return false;
        }
        for (int i = 0; i < ours.size(); i++) {
            Entry a = ours.get(i);
            Entry b = theirs.get(i);
            if (!a.table().equals(b.table()) || a.size() != b.size() || a.place() != b.place()) {
                return false;
            }
            List<Reference> fields = new ArrayList<>(a.references());
            fields.addAll(b.references());
            byte[] left = region(original, a.section(), a.offset(), a.size(), fields);
            byte[] right = region(original, b.section(), b.offset(), b.size(), fields);
            if (a.table().line() >= 0) {
                FieldBits line = FieldBits.bytes(a.table().lineBits() / 8);
                ByteOrder order = original.object().header().order();
                line.clear(left, a.table().line(), order);
                line.clear(right, a.table().line(), order);
            }
            if (!java.util.Arrays.equals(left, right) || !sameEntryReferences(a, b)) {
                return false;
            }
        }
        return true;
    }

    private boolean sameEntryReferences(Entry a, Entry b) {
        if (a.references().size() != b.references().size()) {
            return false;
        }
        for (int i = 0; i < a.references().size(); i++) {
            Reference ours = a.references().get(i);
            Reference theirs = b.references().get(i);
            boolean unused = a.isUnused(ours) && b.isUnused(theirs);
            if (!unused && !sameReference(ours, theirs)) {
                return false;
            }
        }
        return true;
    }
}
