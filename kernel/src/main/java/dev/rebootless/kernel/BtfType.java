package dev.rebootless.kernel;

import java.util.List;

/**
 * One type of a {@link Btf}, as Documentation/bpf/btf.rst of the kernel describes it. Other types
 * are named by their number, {@link #VOID} being none.
 */
public sealed interface BtfType {
    /** The number of {@code void}. */
    int VOID = 0;

    /** {@code void}. */
    record Nothing() implements BtfType {}

    /**
     * An integer.
     *
     * @param size in bytes
     * @param bool whether it is a {@code _Bool}
     * @param signed whether it is signed
     */
    record Int(String name, long size, boolean bool, boolean signed) implements BtfType {}

    /** A floating-point number. */
    record Real(String name, long size) implements BtfType {}

    record Pointer(int to) implements BtfType {}

    /**
     * An array.
     *
     * @param count of elements; 0 for a flexible one
     */
    record Array(int element, long count) implements BtfType {}

    /**
     * A struct or union with its members in their order, those of anonymous ones within a member
     * without name.
     *
     * @param name empty for one without
     * @param size in bytes
     */
    record Composite(String name, boolean union, long size, List<Member> members)
            implements BtfType {
        public Composite {
            members = List.copyOf(members);
        }
    }

    /**
     * A member.
     *
     * @param bit its offset in bits
     * @param width of a bit field in bits; 0 for what is none
     */
    record Member(String name, int type, long bit, int width) {}

    /**
     * An enumeration.
     *
     * @param size in bytes
     * @param enumerators none when the compiler could not write them: gcc 12 knows none of 64 bits
     */
    record Enumeration(String name, long size, List<Enumerator> enumerators) implements BtfType {
        public Enumeration {
            enumerators = List.copyOf(enumerators);
        }
    }

    record Enumerator(String name, long value) {}

    /** A struct or union that is only mentioned. */
    record Forward(String name, boolean union) implements BtfType {}

    record Typedef(String name, int of) implements BtfType {}

    /** {@code const}, {@code volatile}, {@code restrict} or a type tag. */
    record Qualified(int of) implements BtfType {}

    record Function(String name, int prototype) implements BtfType {}

    /**
     * What a function returns and takes.
     *
     * @param parameters their types; a last {@link #VOID} stands for {@code ...}
     */
    record Prototype(int returns, List<Integer> parameters) implements BtfType {
        public Prototype {
            parameters = List.copyOf(parameters);
        }
    }

    record Variable(String name, int type) implements BtfType {}

    /** What says nothing of a type: the variables of a section, tags of declarations. */
    record Other() implements BtfType {}
}
