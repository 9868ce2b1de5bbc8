package dev.rebootless.livepatch;

import java.nio.file.Path;

/** The kernel's objtool, run on a linked module. */
@FunctionalInterface
public interface Objtool {
    /**
     * Runs it on an object, which it changes in place.
     *
     * @return what it printed, warnings and all; empty if it had nothing to say
     */
    String run(Path object);
}
