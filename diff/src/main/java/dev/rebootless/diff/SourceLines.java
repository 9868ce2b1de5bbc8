package dev.rebootless.diff;

/** Whether the lines of unchanged source have the same numbers in both compilations. */
public enum SourceLines {
    /**
     * They may have moved: a constant that code hands over right behind the name of a source file
     * is taken for a line number, and may differ.
     */
    MAY_MOVE,
    /** They were pinned by {@code #line} after each change, so no difference is one of lines. */
    ARE_PINNED
}
