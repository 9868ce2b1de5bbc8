/** The command as a user sees it, and the rules that hold all modules together. */
@NullMarked
package dev.rebootless.cli;

import org.jspecify.annotations.NullMarked;
