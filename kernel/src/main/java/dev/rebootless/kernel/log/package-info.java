/** What the kernel writes to its log, and what of it is a complaint. */
@NullMarked
package dev.rebootless.kernel.log;

import org.jspecify.annotations.NullMarked;
