/** The one sandbox in which everything runs that reads foreign input. */
@NullMarked
package dev.rebootless.source.sandbox;

import org.jspecify.annotations.NullMarked;
