/** Tests of the differ on objects made by the kernel's own compiler. */
@NullMarked
package dev.rebootless.diff;

import org.jspecify.annotations.NullMarked;
