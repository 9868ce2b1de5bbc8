/** Livepatches for all CVEs that a kernel has open, made from the sources that fixed them. */
@NullMarked
package dev.rebootless.build.backlog;

import org.jspecify.annotations.NullMarked;
