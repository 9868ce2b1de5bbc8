package dev.rebootless.host.files;

import java.util.Optional;

/**
 * What came of reading one file of the kernel's. What cannot be read is unknown, which is never the
 * same as not being there.
 */
public sealed interface Reading {
    /** The whole content, without the line end that the kernel puts behind a value. */
    record Text(String text) implements Reading {}

    /** There is no such file: the kernel has no such thing. */
    record Absent() implements Reading {}

    /** It may be there. */
    record Unreadable(String why) implements Reading {}

    /** The content, where there is one. */
    default Optional<String> known() {
        return this instanceof Text(String text) ? Optional.of(text) : Optional.empty();
    }
}
