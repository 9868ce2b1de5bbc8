package dev.rebootless.kernel;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The types of a section {@code .BTF} as they lie there one after the other, each read from its
 * bytes when asked for. What they mean together is {@link Btf}'s matter. Immutable.
 */
final class BtfTypes {
    private static final int MAGIC = 0xEB9F;
    private static final int VERSION = 1;
    private static final int HEADER_BYTES = 24;

    /** Name, info, and size or type. */
    private static final int TYPE_BYTES = 12;

    private static final int MEMBER_BYTES = 12;

    /** A generic kernel has some 150,000; BTF_MAX_TYPE in btf.h allows a million. */
    private static final int MAX_TYPES = 0x000FFFFF;

    private static final int MAX_NAME_BYTES = 512;

    private final byte[] bytes;

    /** Where each type starts in {@link #bytes}; entry 0, void, is not used. */
    private final int[] types;

    private final int strings;
    private final int stringsEnd;

    private BtfTypes(byte[] bytes, int[] types, int strings, int stringsEnd) {
        this.bytes = bytes;
        this.types = types;
        this.strings = strings;
        this.stringsEnd = stringsEnd;
    }

    /** The kinds of type, in the order of their numbers (BTF_KIND_… in btf.h), 0 being unknown. */
    enum Kind {
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
     * Finds where each type starts.
     *
     * @param section the content of {@code .BTF}; not copied
     */
    static BtfTypes parse(byte[] section) {
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
        return new BtfTypes(section, Arrays.copyOf(types, count), (int) strings, (int) stringsEnd);
    }

    /** How many there are. */
    int count() {
        return types.length - 1;
    }

    /** As {@link Btf#type}. */
    BtfType type(int number) {
        int id = checked(number);
        if (id == BtfType.VOID) {
            return new BtfType.Nothing();
        }
        String name = name(id);
        int more = types[id] + TYPE_BYTES;
        long size = size(id);
        return switch (kind(id)) {
            case VOID, DATASEC, DECL_TAG -> new BtfType.Other();
            case INT -> {
                int encoding = bytes[more + 3]; // BTF_INT_ENCODING
                yield new BtfType.Int(name, size, (encoding & 4) != 0, (encoding & 1) != 0);
            }
            case FLOAT -> new BtfType.Real(name, size);
            case PTR -> new BtfType.Pointer(reference(id));
            case ARRAY -> array(id);
            case STRUCT, UNION ->
                    new BtfType.Composite(name, kind(id) == Kind.UNION, size, members(id));
            case ENUM, ENUM64 -> new BtfType.Enumeration(name, size, enumerators(id));
            case FWD -> new BtfType.Forward(name, kindFlag(id));
            case TYPEDEF -> new BtfType.Typedef(name, reference(id));
            case VOLATILE, CONST, RESTRICT, TYPE_TAG -> new BtfType.Qualified(reference(id));
            case FUNC -> new BtfType.Function(name, reference(id));
            case FUNC_PROTO -> new BtfType.Prototype(reference(id), parameters(id));
            case VAR -> new BtfType.Variable(name, reference(id));
        };
    }

    private List<BtfType.Member> members(int id) {
        List<BtfType.Member> members = new ArrayList<>();
        for (int i = 0; i < elements(id); i++) {
            members.add(member(id, i));
        }
        return members;
    }

    /** A member of a struct or union, from 0. */
    BtfType.Member member(int id, int index) {
        int at = memberAt(id, index);
        int where = Foreign.int32(bytes, at + 8);
        // With kind_flag the upper byte is the width of a bit field, or 0.
        return new BtfType.Member(
                text(at),
                Foreign.int32(bytes, at + 4),
                kindFlag(id) ? where & 0xFFFFFF : where & 0xFFFFFFFFL,
                kindFlag(id) ? where >>> 24 : 0);
    }

    /** Whether a member has no name, as anonymous structs, unions and bit fields have none. */
    boolean isNameless(int id, int index) {
        return Foreign.int32(bytes, memberAt(id, index)) == 0;
    }

    private int memberAt(int id, int index) {
        return types[id] + TYPE_BYTES + index * MEMBER_BYTES;
    }

    /** An array's element and count. */
    BtfType.Array array(int id) {
        int more = types[id] + TYPE_BYTES;
        return new BtfType.Array(Foreign.int32(bytes, more), Foreign.uint32(bytes, more + 8));
    }

    /** Of an ENUM64 the value is in two halves, the lower one first (btf.h, btf_enum64). */
    List<BtfType.Enumerator> enumerators(int id) {
        Kind kind = kind(id);
        List<BtfType.Enumerator> enumerators = new ArrayList<>();
        for (int i = 0; i < elements(id); i++) {
            int at = types[id] + TYPE_BYTES + i * kind.each;
            long value = Foreign.int32(bytes, at + 4);
            if (kind == Kind.ENUM64) {
                value = (value & 0xFFFFFFFFL) | (long) Foreign.int32(bytes, at + 8) << 32;
            }
            enumerators.add(new BtfType.Enumerator(text(at), value));
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

    /** How many members, enumerators or parameters a type has (vlen). */
    int elements(int id) {
        return Foreign.int32(bytes, types[id] + 4) & 0xFFFF;
    }

    private boolean kindFlag(int id) {
        return Foreign.int32(bytes, types[id] + 4) < 0;
    }

    /** All types of a kind and name, by their number. */
    List<Integer> named(Kind kind, String name) {
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

    Kind kind(int id) {
        return Kind.BY_NUMBER[bytes[types[id] + 7] & 0x1F];
    }

    /**
     * The number itself.
     *
     * @throws dev.rebootless.base.RebootlessException {@code RBL-KERNEL-BTF} when there is no such
     *     type
     */
    int checked(int id) {
        if (id < 0 || id >= types.length) {
            throw bad("there is no type " + (id & 0xFFFFFFFFL));
        }
        return id;
    }

    /** The third word of a type, of those that have a size, in bytes. */
    long size(int id) {
        return reference(id) & 0xFFFFFFFFL;
    }

    /** The third word of a type, of those that refer to another: its number. */
    int reference(int id) {
        return Foreign.int32(bytes, types[id] + 8);
    }

    /** Its name, empty if it has none. */
    String name(int id) {
        return text(types[id]);
    }

    /** What the word at a place in the section names. */
    private String text(int nameAt) {
        long at = strings + Foreign.uint32(bytes, nameAt);
        for (long end = at; end < stringsEnd && end - at <= MAX_NAME_BYTES; end++) {
            if (bytes[(int) end] == 0) {
                return new String(bytes, (int) at, (int) (end - at), StandardCharsets.UTF_8);
            }
        }
        throw bad("a name is not in its table of names");
    }

    static RuntimeException bad(String message) {
        return BadFile.BTF.problem(".BTF", message);
    }
}
