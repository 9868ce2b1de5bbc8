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
            int info = Foreign.int32(bytes, types[id] + 4);
            boolean mayHaveBitFields = info < 0; // kind_flag
            for (int i = 0; i < (info & 0xFFFF); i++) {
                // Counted even where nothing is added: anonymous types can refer to each other.
                if (++visited > MAX_MEMBERS) {
                    throw bad("type " + id + " has more than " + MAX_MEMBERS + " members");
                }
                int member = types[id] + TYPE_BYTES + i * MEMBER_BYTES;
                int type = Foreign.int32(bytes, member + 4);
                int where = Foreign.int32(bytes, member + 8);
                // With kind_flag the upper byte is the width of a bit field, or 0.
                long offset = base + (mayHaveBitFields ? where & 0xFFFFFF : where & 0xFFFFFFFFL);
                int width = mayHaveBitFields ? where >>> 24 : 0;
                boolean anonymous = Foreign.int32(bytes, member) == 0;
                int inner = anonymous ? unqualified(type) : 0;
                if (inner != 0 && isComposite(inner)) {
                    collect(inner, offset, depth + 1);
                } else {
                    long bits = width != 0 ? width : 8 * size(type, 0).orElse(0);
                    fields.add(new Field(name(member), offset, bits));
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
