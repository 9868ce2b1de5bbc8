package dev.rebootless.diff;

/** What a piece of an object is, which decides how it is paired and whether it may be copied. */
public enum ItemKind {
    /** Code under a function symbol. */
    FUNCTION,
    /**
     * Code that only other code or a table points at: pieces of .altinstr_replacement,
     * .altinstr_aux, .fixup.
     */
    FRAGMENT,
    /** Data under a symbol that the source named: it has an identity and is never copied. */
    DATA,
    /**
     * What the compiler made: constants, jump tables, {@code __func__}: identified by content, may
     * be copied.
     */
    LITERAL
}
