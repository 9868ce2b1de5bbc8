package dev.rebootless.kernel;

import dev.rebootless.base.RebootlessException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Compares the types of two compilations of one unit: whether objects that were made by code of the
 * one are understood by code of the other.
 *
 * <p>Types are the same when they are laid out alike, whatever their typedefs are called. A type
 * with a name is compared once, under its name ({@link #named}); where it is mentioned, its name
 * stands for it.
 */
public final class TypeComparison {
    /** What anonymous types are nested into each other at most; as in {@link Btf}. */
    private static final int MAX_DEPTH = 32;

    private static final int MAX_MESSAGES = 4;

    private final Side original;
    private final Side patched;

    public TypeComparison(Btf original, Btf patched) {
        this.original = new Side(original);
        this.patched = new Side(patched);
    }

    /**
     * A difference.
     *
     * @param type in the words of C, such as {@code struct page}
     * @param harmful false where the same bits are only read otherwise, such as an int as unsigned,
     *     or a type that is another's only member as that
     * @param message what differs, as the end of a sentence about the type
     */
    public record Difference(String type, boolean harmful, String message) {}

    /** How a type is related to one of the other compilation. */
    private enum Relation {
        SAME,
        /**
         * The same bits with another meaning: an integer that becomes unsigned, a lock that is
         * taken out of its wrapping.
         */
        OTHER_MEANING,
        DIFFERENT;

        Relation or(Relation other) {
            return compareTo(other) >= 0 ? this : other;
        }
    }

    /** One compilation, and where in it the named things are; -1 for a name of several. */
    private static final class Side {
        private static final int SEVERAL = -1;

        private final Btf btf;
        private final Map<String, Integer> types = new LinkedHashMap<>();
        private final Map<String, Long> enumerators = new LinkedHashMap<>();

        Side(Btf btf) {
            this.btf = btf;
            for (int id = 1; id <= btf.typeCount(); id++) {
                BtfType type = btf.type(id);
                String key = key(type);
                if (!key.endsWith(" ")) {
                    int number = id;
                    types.merge(
                            key,
                            id,
                            (a, b) ->
                                    a != SEVERAL && btf.type(a).equals(btf.type(number))
                                            ? a
                                            : SEVERAL);
                }
                if (type instanceof BtfType.Enumeration enumeration) {
                    enumeration.enumerators().forEach(e -> enumerators.put(e.name(), e.value()));
                }
            }
        }

        /** Ends with a blank for what has no name or is no more than mentioned. */
        private static String key(BtfType type) {
            return switch (type) {
                case BtfType.Composite c -> (c.union() ? "union " : "struct ") + c.name();
                case BtfType.Enumeration e -> "enum " + e.name();
                case BtfType.Typedef t -> "typedef " + t.name();
                case BtfType.Function f -> "function " + f.name();
                case BtfType.Variable v -> "variable " + v.name();
                case BtfType.Nothing _,
                        BtfType.Int _,
                        BtfType.Real _,
                        BtfType.Pointer _,
                        BtfType.Array _,
                        BtfType.Forward _,
                        BtfType.Qualified _,
                        BtfType.Prototype _,
                        BtfType.Other _ ->
                        " ";
            };
        }

        Optional<Integer> id(String key) {
            return Optional.ofNullable(types.get(key)).filter(id -> id != SEVERAL);
        }

        /** The number of the type behind typedefs and qualifiers. */
        int plain(int id) {
            int at = id;
            for (int depth = 0; depth <= MAX_DEPTH; depth++) {
                switch (btf.type(at)) {
                    case BtfType.Typedef(String _, int of) -> at = of;
                    case BtfType.Qualified(int of) -> at = of;
                    case BtfType other -> {
                        return at;
                    }
                }
            }
            throw BadFile.BTF.problem(".BTF", "type " + id + " leads nowhere");
        }

        BtfType type(int id) {
            return btf.type(plain(id));
        }

        /** The members, those of anonymous structs and unions in their place. */
        void collect(BtfType.Composite type, long base, int depth, Map<String, BtfType.Member> to) {
            if (depth > MAX_DEPTH) {
                throw BadFile.BTF.problem(".BTF", type.name() + " is nested too deep");
            }
            for (BtfType.Member member : type.members()) {
                if (member.name().isEmpty()) {
                    if (type(member.type()) instanceof BtfType.Composite inner) {
                        collect(inner, base + member.bit(), depth + 1, to);
                    }
                } else {
                    to.put(
                            member.name(),
                            new BtfType.Member(
                                    member.name(),
                                    member.type(),
                                    base + member.bit(),
                                    member.width()));
                }
            }
        }

        Map<String, BtfType.Member> members(BtfType.Composite type) {
            Map<String, BtfType.Member> members = new LinkedHashMap<>();
            collect(type, 0, 0, members);
            return members;
        }

        /**
         * Whether a type is nothing but another, by its name, in a wrapping: as {@code spinlock_t}
         * is around {@code raw_spinlock_t} where the kernel is not PREEMPT_RT.
         */
        boolean isAround(BtfType.Composite outer, BtfType.Composite inner) {
            BtfType.Composite at = outer;
            for (int depth = 0; depth <= MAX_DEPTH; depth++) {
                List<BtfType.Member> members = List.copyOf(members(at).values());
                if (members.size() != 1
                        || members.getFirst().bit() != 0
                        || members.getFirst().width() != 0
                        || !(type(members.getFirst().type()) instanceof BtfType.Composite next)
                        || next.size() != outer.size()) {
                    return false;
                }
                if (!next.name().isEmpty()
                        && next.name().equals(inner.name())
                        && next.union() == inner.union()) {
                    return inner.size() == outer.size();
                }
                at = next;
            }
            return false;
        }

        /** As in C, nearly: for people. */
        String describe(int id, int depth) {
            if (depth > MAX_DEPTH) {
                return "…";
            }
            return switch (btf.type(id)) {
                case BtfType.Nothing _ -> "void";
                case BtfType.Int i -> i.name();
                case BtfType.Real r -> r.name();
                case BtfType.Pointer(int to) -> describe(to, depth + 1) + " *";
                case BtfType.Array(int element, long count) ->
                        describe(element, depth + 1) + "[" + count + "]";
                case BtfType.Composite c ->
                        (c.union() ? "union " : "struct ")
                                + (c.name().isEmpty() ? "{…}" : c.name());
                case BtfType.Forward f -> (f.union() ? "union " : "struct ") + f.name();
                case BtfType.Enumeration e -> "enum " + (e.name().isEmpty() ? "{…}" : e.name());
                case BtfType.Typedef t -> t.name();
                case BtfType.Qualified(int of) -> describe(of, depth + 1);
                case BtfType.Prototype p ->
                        describe(p.returns(), depth + 1)
                                + " ("
                                + String.join(
                                        ", ",
                                        p.parameters().stream()
                                                .map(t ->
                                                        t == BtfType.VOID
                                                                ? "..."
                                                                : describe(t, depth + 1))
                                                .toList())
                                + ")";
                case BtfType.Function f -> describe(f.prototype(), depth + 1);
                case BtfType.Variable v -> describe(v.type(), depth + 1);
                case BtfType.Other _ -> "?";
            };
        }
    }

    /**
     * Whether the type information of both compilations shows the thing, so that its differences
     * are known.
     *
     * @param name such as {@code struct page}, {@code enum zone_type}, {@code typedef pgd_t},
     *     {@code variable jiffies}, {@code function kfree}
     */
    public boolean isKnown(String name) {
        return isWhole(original, name) && isWhole(patched, name);
    }

    private static boolean isWhole(Side side, String name) {
        return side.id(name)
                .map(side.btf::type)
                .filter(t -> !(t instanceof BtfType.Enumeration e && e.enumerators().isEmpty()))
                .isPresent();
    }

    /** Whether a variable is a pointer in both compilations. */
    public boolean isPointer(String variable) {
        return isPointer(original, variable) && isPointer(patched, variable);
    }

    private static boolean isPointer(Side side, String variable) {
        return side.id(variable)
                .filter(id -> side.btf.type(inside(side, id)) instanceof BtfType.Pointer)
                .isPresent();
    }

    /** Whether the original shows the value of an enumerator. */
    public boolean isKnownEnumerator(String name) {
        return original.enumerators.containsKey(name);
    }

    /**
     * What differs in the types that both compilations name, and in the values of enumerators that
     * both have. What only one has is no difference here.
     *
     * @throws RebootlessException exit status 2 {@code RBL-KERNEL-BTF} when a type is damaged
     */
    public List<Difference> named() {
        List<Difference> differences = new ArrayList<>();
        original.types.forEach((key, _) -> {
            if (key.startsWith("struct ") || key.startsWith("union ") || key.startsWith("enum ")) {
                differences.addAll(layout(key));
            }
        });
        original.enumerators.forEach((name, value) -> {
            Long now = patched.enumerators.get(name);
            if (now != null && !now.equals(value)) {
                differences.add(
                        new Difference(
                                "enumerator " + name,
                                true,
                                "its value changes from " + value + " to " + now));
            }
        });
        return differences;
    }

    /**
     * What differs in one thing that both have; nothing for what is not known.
     *
     * @param name as for {@link #isKnown}
     */
    public List<Difference> layout(String name) {
        Optional<Integer> before = original.id(name);
        Optional<Integer> after = patched.id(name);
        return before.isEmpty() || after.isEmpty()
                ? List.of()
                : compare(name, inside(original, before.get()), inside(patched, after.get()));
    }

    private static int inside(Side side, int id) {
        return switch (side.btf.type(id)) {
            case BtfType.Variable v -> side.plain(v.type());
            case BtfType.Function f -> f.prototype();
            case BtfType other -> side.plain(id);
        };
    }

    private List<Difference> compare(String name, int before, int after) {
        BtfType was = original.btf.type(before);
        BtfType is = patched.btf.type(after);
        if (was instanceof BtfType.Composite a
                && is instanceof BtfType.Composite b
                && a.union() == b.union()
                && a.name().equals(b.name())) {
            return members(name, a, b);
        }
        if (was instanceof BtfType.Enumeration a && is instanceof BtfType.Enumeration b) {
            // Values are compared by their names, which are those of the whole unit.
            return a.size() == b.size()
                    ? List.of()
                    : List.of(
                            new Difference(
                                    name,
                                    true,
                                    "its size changes from %d to %d bytes"
                                            .formatted(a.size(), b.size())));
        }
        Relation relation = relation(before, after, 0);
        return relation == Relation.SAME
                ? List.of()
                : List.of(
                        new Difference(
                                name,
                                relation == Relation.DIFFERENT,
                                "%s becomes %s"
                                        .formatted(
                                                original.describe(before, 0),
                                                patched.describe(after, 0))));
    }

    // ---- structs and unions ----

    private List<Difference> members(String name, BtfType.Composite a, BtfType.Composite b) {
        Map<String, BtfType.Member> before = original.members(a);
        Map<String, BtfType.Member> after = patched.members(b);
        List<String> harmful = new ArrayList<>();
        List<String> otherMeaning = new ArrayList<>();
        after.forEach((member, now) -> {
            if (!before.containsKey(member)) {
                harmful.add("new member " + member + " at " + place(now));
            }
        });
        boolean onlyNew = !harmful.isEmpty();
        List<String> moved = new ArrayList<>();
        for (Map.Entry<String, BtfType.Member> entry : before.entrySet()) {
            BtfType.Member was = entry.getValue();
            BtfType.Member is = after.get(entry.getKey());
            if (is == null) {
                harmful.add("member " + was.name() + " at " + place(was) + " is gone");
                continue;
            }
            if (was.bit() != is.bit() || was.width() != is.width()) {
                moved.add(
                        "member %s moves from %s to %s"
                                .formatted(was.name(), place(was), place(is)));
                continue;
            }
            switch (relation(was.type(), is.type(), 0)) {
                case SAME -> {}
                case OTHER_MEANING -> otherMeaning.add(otherType(was, is));
                case DIFFERENT -> moved.add(otherType(was, is));
            }
        }
        if (a.size() != b.size()) {
            harmful.add("its size changes from %d to %d bytes".formatted(a.size(), b.size()));
        } else if (onlyNew && moved.isEmpty()) {
            harmful.add("objects that live now hold there whatever was in the padding or union");
        }
        harmful.addAll(moved);
        List<Difference> differences = new ArrayList<>();
        if (!harmful.isEmpty()) {
            differences.add(new Difference(name, true, shortened(harmful)));
        }
        if (!otherMeaning.isEmpty()) {
            differences.add(new Difference(name, false, shortened(otherMeaning)));
        }
        return differences;
    }

    private static String shortened(List<String> messages) {
        int left = messages.size() - MAX_MESSAGES;
        return String.join("; ", messages.subList(0, Math.min(MAX_MESSAGES, messages.size())))
                + (left > 0 ? "; and " + left + " more" : "");
    }

    private String otherType(BtfType.Member was, BtfType.Member is) {
        return "member %s at %s changes its type from %s to %s"
                .formatted(
                        was.name(),
                        place(was),
                        original.describe(was.type(), 0),
                        patched.describe(is.type(), 0));
    }

    private static String place(BtfType.Member member) {
        String at = "byte " + member.bit() / 8;
        return member.width() == 0
                ? at
                : at + ", bit " + member.bit() % 8 + " (" + member.width() + " wide)";
    }

    // ---- what is mentioned ----

    private Relation relation(int before, int after, int depth) {
        if (depth > MAX_DEPTH) {
            return Relation.DIFFERENT;
        }
        BtfType was = original.type(before);
        BtfType is = patched.type(after);
        return switch (was) {
            case BtfType.Nothing _ -> same(is instanceof BtfType.Nothing);
            case BtfType.Int a -> ofInt(a, is);
            case BtfType.Real a -> same(is instanceof BtfType.Real b && a.size() == b.size());
            case BtfType.Pointer(int a) ->
                    is instanceof BtfType.Pointer(int b)
                            ? relation(a, b, depth + 1)
                            : Relation.DIFFERENT;
            case BtfType.Array a ->
                    is instanceof BtfType.Array b && a.count() == b.count()
                            ? relation(a.element(), b.element(), depth + 1)
                            : Relation.DIFFERENT;
            case BtfType.Composite a -> ofComposite(a, is, depth);
            case BtfType.Forward a ->
                    same(
                            switch (is) {
                                case BtfType.Forward b -> b.equals(a);
                                case BtfType.Composite b ->
                                        b.name().equals(a.name()) && b.union() == a.union();
                                default -> false;
                            });
            case BtfType.Enumeration a -> {
                if (is instanceof BtfType.Int b) {
                    yield b.size() == a.size() && !b.bool()
                            ? Relation.OTHER_MEANING
                            : Relation.DIFFERENT;
                }
                yield same(
                        is instanceof BtfType.Enumeration b
                                && b.size() == a.size()
                                && b.name().equals(a.name()));
            }
            case BtfType.Prototype a ->
                    is instanceof BtfType.Prototype b
                            ? ofPrototype(a, b, depth)
                            : Relation.DIFFERENT;
            case BtfType.Typedef _,
                    BtfType.Qualified _,
                    BtfType.Function _,
                    BtfType.Variable _,
                    BtfType.Other _ ->
                    Relation.DIFFERENT;
        };
    }

    private static Relation same(boolean same) {
        return same ? Relation.SAME : Relation.DIFFERENT;
    }

    private static Relation ofInt(BtfType.Int was, BtfType is) {
        if (is instanceof BtfType.Enumeration e) {
            return e.size() == was.size() && !was.bool()
                    ? Relation.OTHER_MEANING
                    : Relation.DIFFERENT;
        }
        if (!(is instanceof BtfType.Int b) || b.size() != was.size() || b.bool() != was.bool()) {
            return Relation.DIFFERENT;
        }
        return b.signed() == was.signed() ? Relation.SAME : Relation.OTHER_MEANING;
    }

    private Relation ofComposite(BtfType.Composite was, BtfType is, int depth) {
        if (is instanceof BtfType.Forward(String name, boolean union)) {
            return same(name.equals(was.name()) && union == was.union());
        }
        if (!(is instanceof BtfType.Composite b)) {
            return Relation.DIFFERENT;
        }
        if (!b.name().equals(was.name()) || b.union() != was.union()) {
            return original.isAround(was, b) || patched.isAround(b, was)
                    ? Relation.OTHER_MEANING
                    : Relation.DIFFERENT;
        }
        if (!was.name().isEmpty()) {
            return Relation.SAME;
        }
        Map<String, BtfType.Member> before = original.members(was);
        Map<String, BtfType.Member> after = patched.members(b);
        Relation relation = same(was.size() == b.size() && before.keySet().equals(after.keySet()));
        for (Map.Entry<String, BtfType.Member> entry : before.entrySet()) {
            BtfType.Member other = after.get(entry.getKey());
            if (relation != Relation.DIFFERENT && other != null) {
                BtfType.Member member = entry.getValue();
                relation =
                        relation.or(
                                        same(
                                                member.bit() == other.bit()
                                                        && member.width() == other.width()))
                                .or(relation(member.type(), other.type(), depth + 1));
            }
        }
        return relation;
    }

    private Relation ofPrototype(BtfType.Prototype was, BtfType.Prototype is, int depth) {
        if (was.parameters().size() != is.parameters().size()) {
            return Relation.DIFFERENT;
        }
        Relation relation = relation(was.returns(), is.returns(), depth + 1);
        for (int i = 0; i < was.parameters().size(); i++) {
            relation =
                    relation.or(
                            relation(was.parameters().get(i), is.parameters().get(i), depth + 1));
        }
        return relation;
    }
}
