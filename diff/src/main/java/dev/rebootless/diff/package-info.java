/** Correlation, comparison, selection of what must move, refusals. */
@NullMarked
package dev.rebootless.diff;

import org.jspecify.annotations.NullMarked;
