/**
 * Translation units: the command that kbuild compiles each with, and their compilation, before and
 * after a patch, in a sandbox that shows the compiler nothing but itself and the tree.
 */
@NullMarked
package dev.rebootless.source.compile;

import org.jspecify.annotations.NullMarked;
