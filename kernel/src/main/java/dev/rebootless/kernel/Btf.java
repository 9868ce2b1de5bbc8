package dev.rebootless.kernel;

import dev.rebootless.kernel.BtfTypes.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * The types of a kernel, from its section {@code .BTF}.
 *
 * <p>The format is in Documentation/bpf/btf.rst and include/uapi/linux/btf.h: a header, types that
 * follow each other and are numbered from 1 on, and strings. {@link BtfTypes} reads them; here is
 * what several of them mean together. Immutable.
 */
public final class Btf {
    /** As MAX_RESOLVE_DEPTH in kernel/bpf/btf.c. */
    private static final int MAX_DEPTH = 32;

    /** Members of one struct with those of the anonymous ones in it; vlen is 16 bits. */
    private static final int MAX_MEMBERS = 0xFFFF;

    private static final int POINTER_BYTES = 8;

    private final BtfTypes types;

    private Btf(BtfTypes types) {
        this.types = types;
    }

    /**
     * A struct or union.
     *
     * @param name such as {@code klp_func}
     * @param union whether it is a union
     * @param size in bytes
     * @param fields its members in order; in place of an anonymous struct or union its members
     *     stand
     */
    public record Struct(String name, boolean union, long size, List<Field> fields) {
        public Struct {
            fields = List.copyOf(fields);
        }

        /** The member of a name. */
        public Optional<Field> field(String wanted) {
            for (Field field : fields) {
                if (field.name().equals(wanted)) {
                    return Optional.of(field);
                }
            }
            return Optional.empty();
        }
    }

    /**
     * A member of a struct or union.
     *
     * @param name never empty but for an unnamed bit field
     * @param bitOffset from the start of the outermost struct, in bits
     * @param bitSize of the whole member, in bits
     */
    public record Field(String name, long bitOffset, long bitSize) {
        /**
         * From the start of the outermost struct, in bytes.
         *
         * @throws IllegalStateException for a bit field that starts within a byte
         */
        public int offset() {
            return wholeBytes(bitOffset);
        }

        /**
         * In bytes.
         *
         * @throws IllegalStateException for a bit field that does not fill them
         */
        public int size() {
            return wholeBytes(bitSize);
        }

        private int wholeBytes(long bits) {
            if (bits % 8 != 0) {
                throw new IllegalStateException(name + " is a bit field");
            }
            return Math.toIntExact(bits / 8);
        }
    }

    /**
     * Reads where the types start.
     *
     * @param section the content of {@code .BTF}; not copied, and must not change
     * @throws dev.rebootless.base.RebootlessException {@code RBL-KERNEL-BTF} when it is damaged
     */
    public static Btf parse(byte[] section) {
        return new Btf(BtfTypes.parse(section));
    }

    /** How many types there are. */
    public int typeCount() {
        return types.count();
    }

    /**
     * A type by its number.
     *
     * @throws dev.rebootless.base.RebootlessException {@code RBL-KERNEL-BTF} when there is none, or
     *     its name is not in the table of names
     */
    public BtfType type(int number) {
        return types.type(number);
    }

    /**
     * A struct by its name, without the word {@code struct}; empty when the kernel has none.
     *
     * @throws dev.rebootless.base.RebootlessException {@code RBL-KERNEL-BTF} when several of that
     *     name differ in their layout: which one is meant cannot be told
     */
    public Optional<Struct> struct(String name) {
        return composite(Kind.STRUCT, name);
    }

    /** As {@link #struct}, for a union. */
    public Optional<Struct> union(String name) {
        return composite(Kind.UNION, name);
    }

    private Optional<Struct> composite(Kind kind, String name) {
        Optional<Struct> found = Optional.empty();
        for (int id : types.named(kind, name)) {
            Struct each = composite(id);
            if (found.isPresent() && !found.get().equals(each)) {
                throw BadFile.BTF.problem(
                        name, "the kernel has several types of this name, which differ");
            }
            found = Optional.of(each);
        }
        return found;
    }

    /**
     * The size of a type in bytes, its name as in C: {@code struct module}, {@code union …}, {@code
     * enum …}, or the name of a typedef or a basic type, such as {@code unsigned int}. Empty when
     * the kernel has none of that name, or none with a size.
     *
     * @throws dev.rebootless.base.RebootlessException {@code RBL-KERNEL-BTF} when several of that
     *     name differ in size
     */
    public OptionalLong size(String typeName) {
        List<Integer> ids = new ArrayList<>();
        if (typeName.startsWith("struct ")) {
            ids.addAll(types.named(Kind.STRUCT, typeName.substring(7)));
        } else if (typeName.startsWith("union ")) {
            ids.addAll(types.named(Kind.UNION, typeName.substring(6)));
        } else if (typeName.startsWith("enum ")) {
            ids.addAll(types.named(Kind.ENUM, typeName.substring(5)));
            ids.addAll(types.named(Kind.ENUM64, typeName.substring(5)));
        } else {
            ids.addAll(types.named(Kind.TYPEDEF, typeName));
            ids.addAll(types.named(Kind.INT, typeName));
            ids.addAll(types.named(Kind.FLOAT, typeName));
        }
        OptionalLong found = OptionalLong.empty();
        for (int id : ids) {
            OptionalLong size = size(id, 0);
            if (found.isPresent() && !found.equals(size)) {
                throw BadFile.BTF.problem(
                        typeName, "the kernel has several types of this name, of different size");
            }
            found = size;
        }
        return found;
    }

    /**
     * The number of an enumeration's constant; empty when the kernel has none of these names.
     *
     * @throws dev.rebootless.base.RebootlessException {@code RBL-KERNEL-BTF} when several
     *     enumerations of that name differ in it
     */
    public OptionalInt enumerator(String enumeration, String constant) {
        OptionalInt found = OptionalInt.empty();
        for (int id : types.named(Kind.ENUM, enumeration)) {
            for (BtfType.Enumerator each : types.enumerators(id)) {
                if (each.name().equals(constant)) {
                    int value = (int) each.value();
                    if (found.isPresent() && found.getAsInt() != value) {
                        throw BadFile.BTF.problem(
                                enumeration,
                                "the kernel has several types of this name, which differ");
                    }
                    found = OptionalInt.of(value);
                }
            }
        }
        return found;
    }

    private Struct composite(int id) {
        FieldCollector collector = new FieldCollector();
        collector.collect(id, 0, 0);
        return new Struct(
                types.name(id), types.kind(id) == Kind.UNION, types.size(id), collector.fields);
    }

    /** Gathers the members of a struct or union and of the anonymous ones in it. */
    private final class FieldCollector {
        private final List<Field> fields = new ArrayList<>();
        private int visited;

        /** Adds the members of a type that starts at a bit offset of the outermost one. */
        void collect(int id, long base, int depth) {
            if (depth > MAX_DEPTH) {
                throw BtfTypes.bad("type " + id + " is nested too deep");
            }
            for (int i = 0; i < types.elements(id); i++) {
                // Counted even where nothing is added: anonymous types can refer to each other.
                if (++visited > MAX_MEMBERS) {
                    throw BtfTypes.bad("type " + id + " has more than " + MAX_MEMBERS + " members");
                }
                BtfType.Member member = types.member(id, i);
                long offset = base + member.bit();
                int inner = types.isNameless(id, i) ? unqualified(member.type()) : 0;
                if (inner != 0 && isComposite(inner)) {
                    collect(inner, offset, depth + 1);
                } else {
                    int width = member.width();
                    long bits = width != 0 ? width : 8 * size(member.type(), 0).orElse(0);
                    fields.add(new Field(member.name(), offset, bits));
                }
            }
        }
    }

    private boolean isComposite(int id) {
        return types.kind(id) == Kind.STRUCT || types.kind(id) == Kind.UNION;
    }

    /** The type behind {@code const}, {@code volatile} and the like; 0 for void. */
    private int unqualified(int id) {
        int at = types.checked(id);
        for (int depth = 0; depth <= MAX_DEPTH; depth++) {
            if (at == 0) {
                return 0;
            }
            switch (types.kind(at)) {
                case VOLATILE, CONST, RESTRICT, TYPE_TAG -> at = types.checked(types.reference(at));
                case VOID,
                        INT,
                        PTR,
                        ARRAY,
                        STRUCT,
                        UNION,
                        ENUM,
                        FWD,
                        TYPEDEF,
                        FUNC,
                        FUNC_PROTO,
                        VAR,
                        DATASEC,
                        FLOAT,
                        DECL_TAG,
                        ENUM64 -> {
                    return at;
                }
            }
        }
        throw BtfTypes.bad("type " + id + " leads nowhere");
    }

    private OptionalLong size(int id, int depth) {
        if (depth > MAX_DEPTH) {
            throw BtfTypes.bad("type " + id + " leads nowhere");
        }
        if (types.checked(id) == 0) {
            return OptionalLong.empty();
        }
        return switch (types.kind(id)) {
            case INT, STRUCT, UNION, ENUM, ENUM64, FLOAT, DATASEC ->
                    OptionalLong.of(types.size(id));
            case PTR -> OptionalLong.of(POINTER_BYTES);
            case TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG, VAR, DECL_TAG ->
                    size(types.reference(id), depth + 1);
            case ARRAY -> {
                BtfType.Array array = types.array(id);
                OptionalLong element = size(array.element(), depth + 1);
                long count = array.count();
                // The address space bounds what a kernel can have; the product of two could
                // overflow.
                if (element.isPresent() && element.getAsLong() > (1L << 47) / Math.max(count, 1)) {
                    throw BtfTypes.bad("type " + id + " is larger than memory");
                }
                yield element.isPresent() ? OptionalLong.of(element.getAsLong() * count) : element;
            }
            case VOID, FWD, FUNC, FUNC_PROTO -> OptionalLong.empty();
        };
    }
}
