package dev.rebootless.kernel;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * The types of a kernel, from its section {@code .BTF}.
 *
 * <p>The format is in Documentation/bpf/btf.rst and include/uapi/linux/btf.h: a header, types that
 * follow each other and are numbered from 1 on, and strings. Only where each type starts is
 * remembered; the rest is read when asked for. Immutable.
 */
public final class Btf {
    private static final int MAGIC = 0xEB9F;
    private static final int VERSION = 1;
    private static final int HEADER_BYTES = 24;

    /** Name, info, and size or type. */
    private static final int TYPE_BYTES = 12;

    private static final int MEMBER_BYTES = 12;

    /** A generic kernel has some 150,000; BTF_MAX_TYPE in btf.h allows a million. */
    private static final int MAX_TYPES = 0x000FFFFF;

    /** As MAX_RESOLVE_DEPTH in kernel/bpf/btf.c. */
    private static final int MAX_DEPTH = 32;

    /** Members of one struct with those of the anonymous ones in it; vlen is 16 bits. */
    private static final int MAX_MEMBERS = 0xFFFF;

    private static final int MAX_NAME_BYTES = 512;

    private static final int POINTER_BYTES = 8;

    private final byte[] bytes;

    /** Where each type starts in {@link #bytes}; entry 0, void, is not used. */
    private final int[] types;

    private final int strings;
    private final int stringsEnd;

    private Btf(byte[] bytes, int[] types, int strings, int stringsEnd) {
        this.bytes = bytes;
        this.types = types;
        this.strings = strings;
        this.stringsEnd = stringsEnd;
    }

    /** The kinds of type, in the order of their numbers (BTF_KIND_… in btf.h), 0 being unknown. */
    private enum Kind {
        VOID(0, 0),
        INT(4, 0),
        PTR(0, 0),
        ARRAY(12, 0),
        STRUCT(0, MEMBER_BYTES),
        UNION(0, MEMBER_BYTES),
        ENUM(0, 8),
        FWD(0, 0),
        TYPEDEF(0, 0),
        VOLATILE(0, 0),
        CONST(0, 0),
        RESTRICT(0, 0),
        FUNC(0, 0),
        FUNC_PROTO(0, 8),
        VAR(4, 0),
        DATASEC(0, 12),
        FLOAT(0, 0),
        DECL_TAG(4, 0),
        TYPE_TAG(0, 0),
        ENUM64(0, 12);

        private static final Kind[] BY_NUMBER = values();

        /** What follows the common part of a type, in bytes. */
        private final int more;

        /** What follows for each of its vlen elements, in bytes. */
        private final int each;

        Kind(int more, int each) {
            this.more = more;
            this.each = each;
        }
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
        if (section.length < HEADER_BYTES
                || Foreign.uint16(section, 0) != MAGIC
                || section[2] != VERSION) {
            throw bad("it does not start as BTF of version 1 does");
        }
        long header = Foreign.uint32(section, 4);
        long typesStart = header + Foreign.uint32(section, 8);
        long typesEnd = typesStart + Foreign.uint32(section, 12);
        long strings = header + Foreign.uint32(section, 16);
        long stringsEnd = strings + Foreign.uint32(section, 20);
        if (header < HEADER_BYTES
                || typesEnd > section.length
                || stringsEnd > section.length
                || stringsEnd == strings
                || section[(int) stringsEnd - 1] != 0) {
            throw bad("its types and strings are not where it says");
        }
        int[] types = new int[Math.max(16, (int) (typesEnd - typesStart) / 24)];
        int count = 1;
        int at = (int) typesStart;
        while (at < typesEnd) {
            if (typesEnd - at < TYPE_BYTES) {
                throw bad("type " + count + " is cut off");
            }
            if (count > MAX_TYPES) {
                throw bad("it has more than " + MAX_TYPES + " types");
            }
            if (count == types.length) {
                types = Arrays.copyOf(types, 2 * types.length);
            }
            types[count] = at;
            int info = Foreign.int32(section, at + 4);
            int number = info >>> 24 & 0x1F;
            if (number == 0 || number >= Kind.BY_NUMBER.length) {
                throw bad("type " + count + " is of a kind that is not known: " + number);
            }
            Kind kind = Kind.BY_NUMBER[number];
            long end = at + (long) TYPE_BYTES + kind.more + (long) kind.each * (info & 0xFFFF);
            if (end > typesEnd) {
                throw bad("type " + count + " is cut off");
            }
            at = (int) end;
            count++;
        }
        return new Btf(section, Arrays.copyOf(types, count), (int) strings, (int) stringsEnd);
    }

    /** How many types there are. */
    public int typeCount() {
        return types.length - 1;
    }

    /**
     * A type by its number.
     *
     * @throws dev.rebootless.base.RebootlessException {@code RBL-KERNEL-BTF} when there is none, or
     *     its name is not in the table of names
     */
    public BtfType type(int number) {
        int id = checked(number);
        if (id == BtfType.VOID) {
            return new BtfType.Nothing();
        }
        String name = name(types[id]);
        int more = types[id] + TYPE_BYTES;
        long size = sizeField(id) & 0xFFFFFFFFL;
        return switch (kind(id)) {
            case VOID, DATASEC, DECL_TAG -> new BtfType.Other();
            case INT -> {
                int encoding = bytes[more + 3]; // BTF_INT_ENCODING
                yield new BtfType.Int(name, size, (encoding & 4) != 0, (encoding & 1) != 0);
            }
            case FLOAT -> new BtfType.Real(name, size);
            case PTR -> new BtfType.Pointer(sizeField(id));
            case ARRAY ->
                    new BtfType.Array(Foreign.int32(bytes, more), Foreign.uint32(bytes, more + 8));
            case STRUCT, UNION ->
                    new BtfType.Composite(name, kind(id) == Kind.UNION, size, members(id));
            case ENUM, ENUM64 -> new BtfType.Enumeration(name, size, enumerators(id));
            case FWD -> new BtfType.Forward(name, kindFlag(id));
            case TYPEDEF -> new BtfType.Typedef(name, sizeField(id));
            case VOLATILE, CONST, RESTRICT, TYPE_TAG -> new BtfType.Qualified(sizeField(id));
            case FUNC -> new BtfType.Function(name, sizeField(id));
            case FUNC_PROTO -> new BtfType.Prototype(sizeField(id), parameters(id));
            case VAR -> new BtfType.Variable(name, sizeField(id));
        };
    }

    private List<BtfType.Member> members(int id) {
        List<BtfType.Member> members = new ArrayList<>();
        for (int i = 0; i < elements(id); i++) {
            members.add(member(id, types[id] + TYPE_BYTES + i * MEMBER_BYTES));
        }
        return members;
    }

    private BtfType.Member member(int id, int at) {
        int where = Foreign.int32(bytes, at + 8);
        // With kind_flag the upper byte is the width of a bit field, or 0.
        return new BtfType.Member(
                name(at),
                Foreign.int32(bytes, at + 4),
                kindFlag(id) ? where & 0xFFFFFF : where & 0xFFFFFFFFL,
                kindFlag(id) ? where >>> 24 : 0);
    }

    /** Of an ENUM64 the value is in two halves, the lower one first (btf.h, btf_enum64). */
    private List<BtfType.Enumerator> enumerators(int id) {
        Kind kind = kind(id);
        List<BtfType.Enumerator> enumerators = new ArrayList<>();
        for (int i = 0; i < elements(id); i++) {
            int at = types[id] + TYPE_BYTES + i * kind.each;
            long value = Foreign.int32(bytes, at + 4);
            if (kind == Kind.ENUM64) {
                value = (value & 0xFFFFFFFFL) | (long) Foreign.int32(bytes, at + 8) << 32;
            }
            enumerators.add(new BtfType.Enumerator(name(at), value));
        }
        return enumerators;
    }

    private List<Integer> parameters(int id) {
        List<Integer> parameters = new ArrayList<>();
        for (int i = 0; i < elements(id); i++) {
            parameters.add(Foreign.int32(bytes, types[id] + TYPE_BYTES + 8 * i + 4));
        }
        return parameters;
    }

    private int elements(int id) {
        return Foreign.int32(bytes, types[id] + 4) & 0xFFFF;
    }

    private boolean kindFlag(int id) {
        return Foreign.int32(bytes, types[id] + 4) < 0;
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
        for (int id : named(kind, name)) {
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
            ids.addAll(named(Kind.STRUCT, typeName.substring(7)));
        } else if (typeName.startsWith("union ")) {
            ids.addAll(named(Kind.UNION, typeName.substring(6)));
        } else if (typeName.startsWith("enum ")) {
            ids.addAll(named(Kind.ENUM, typeName.substring(5)));
            ids.addAll(named(Kind.ENUM64, typeName.substring(5)));
        } else {
            ids.addAll(named(Kind.TYPEDEF, typeName));
            ids.addAll(named(Kind.INT, typeName));
            ids.addAll(named(Kind.FLOAT, typeName));
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
        byte[] wanted = (constant + "\0").getBytes(StandardCharsets.UTF_8);
        OptionalInt found = OptionalInt.empty();
        for (int id : named(Kind.ENUM, enumeration)) {
            int count = Foreign.int32(bytes, types[id] + 4) & 0xFFFF;
            for (int i = 0; i < count; i++) {
                // struct btf_enum: name, value.
                int entry = types[id] + TYPE_BYTES + i * Kind.ENUM.each;
                if (isNamed(entry, wanted)) {
                    int value = Foreign.int32(bytes, entry + 4);
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

    /** All types of a kind and name, by their number. */
    private List<Integer> named(Kind kind, String name) {
        byte[] wanted = (name + "\0").getBytes(StandardCharsets.UTF_8);
        List<Integer> found = new ArrayList<>(1);
        for (int id = 1; id < types.length; id++) {
            if (kind(id) == kind && isNamed(types[id], wanted)) {
                found.add(id);
            }
        }
        return found;
    }

    private boolean isNamed(int nameAt, byte[] wanted) {
        long at = strings + Foreign.uint32(bytes, nameAt);
        // The first letter tells most apart without another look.
        return at + wanted.length <= stringsEnd
                && bytes[(int) at] == wanted[0]
                && Arrays.equals(
                        bytes, (int) at, (int) at + wanted.length, wanted, 0, wanted.length);
    }

    private Kind kind(int id) {
        return Kind.BY_NUMBER[bytes[types[id] + 7] & 0x1F];
    }

    private Struct composite(int id) {
        FieldCollector collector = new FieldCollector();
        collector.collect(id, 0, 0);
        return new Struct(
                name(types[id]),
                kind(id) == Kind.UNION,
                sizeField(id) & 0xFFFFFFFFL,
                collector.fields);
    }

    /** Gathers the members of a struct or union and of the anonymous ones in it. */
    private final class FieldCollector {
        private final List<Field> fields = new ArrayList<>();
        private int visited;

        /** Adds the members of a type that starts at a bit offset of the outermost one. */
        void collect(int id, long base, int depth) {
            if (depth > MAX_DEPTH) {
                throw bad("type " + id + " is nested too deep");
            }
            for (int i = 0; i < elements(id); i++) {
                // Counted even where nothing is added: anonymous types can refer to each other.
                if (++visited > MAX_MEMBERS) {
                    throw bad("type " + id + " has more than " + MAX_MEMBERS + " members");
                }
                int at = types[id] + TYPE_BYTES + i * MEMBER_BYTES;
                BtfType.Member member = member(id, at);
                long offset = base + member.bit();
                int inner = Foreign.int32(bytes, at) == 0 ? unqualified(member.type()) : 0;
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
        return kind(id) == Kind.STRUCT || kind(id) == Kind.UNION;
    }

    /** The type behind {@code const}, {@code volatile} and the like; 0 for void. */
    private int unqualified(int id) {
        int at = checked(id);
        for (int depth = 0; depth <= MAX_DEPTH; depth++) {
            if (at == 0) {
                return 0;
            }
            switch (kind(at)) {
                case VOLATILE, CONST, RESTRICT, TYPE_TAG -> at = checked(sizeField(at));
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
        throw bad("type " + id + " leads nowhere");
    }

    private OptionalLong size(int id, int depth) {
        if (depth > MAX_DEPTH) {
            throw bad("type " + id + " leads nowhere");
        }
        if (checked(id) == 0) {
            return OptionalLong.empty();
        }
        return switch (kind(id)) {
            case INT, STRUCT, UNION, ENUM, ENUM64, FLOAT, DATASEC ->
                    OptionalLong.of(sizeField(id) & 0xFFFFFFFFL);
            case PTR -> OptionalLong.of(POINTER_BYTES);
            case TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG, VAR, DECL_TAG ->
                    size(sizeField(id), depth + 1);
            case ARRAY -> {
                int array = types[id] + TYPE_BYTES;
                OptionalLong element = size(Foreign.int32(bytes, array), depth + 1);
                long count = Foreign.uint32(bytes, array + 8);
                // The address space bounds what a kernel can have; the product of two could
                // overflow.
                if (element.isPresent() && element.getAsLong() > (1L << 47) / Math.max(count, 1)) {
                    throw bad("type " + id + " is larger than memory");
                }
                yield element.isPresent() ? OptionalLong.of(element.getAsLong() * count) : element;
            }
            case VOID, FWD, FUNC, FUNC_PROTO -> OptionalLong.empty();
        };
    }

    private int checked(int id) {
        if (id < 0 || id >= types.length) {
            throw bad("there is no type " + (id & 0xFFFFFFFFL));
        }
        return id;
    }

    /** The third word of a type: its size, or the type it refers to. */
    private int sizeField(int id) {
        return Foreign.int32(bytes, types[id] + 8);
    }

    private String name(int nameAt) {
        long at = strings + Foreign.uint32(bytes, nameAt);
        for (long end = at; end < stringsEnd && end - at <= MAX_NAME_BYTES; end++) {
            if (bytes[(int) end] == 0) {
                return new String(bytes, (int) at, (int) (end - at), StandardCharsets.UTF_8);
            }
        }
        throw bad("a name is not in its table of names");
    }

    private static RuntimeException bad(String message) {
        return BadFile.BTF.problem(".BTF", message);
    }
}
