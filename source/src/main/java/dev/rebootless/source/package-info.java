/** Diffs, the prepared tree, compile commands, object pairs. */
@NullMarked
package dev.rebootless.source;

import org.jspecify.annotations.NullMarked;
