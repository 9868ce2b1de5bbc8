/** The rebootless command. */
@NullMarked
package dev.rebootless.cli;

import org.jspecify.annotations.NullMarked;
