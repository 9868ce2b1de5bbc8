/** An object file as a value: read, change, write. */
@NullMarked
package dev.rebootless.elf;

import org.jspecify.annotations.NullMarked;
