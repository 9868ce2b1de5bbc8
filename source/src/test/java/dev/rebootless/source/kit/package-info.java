/** Tests of making and keeping kits, with Debian's real packages. */
@NullMarked
package dev.rebootless.source.kit;

import org.jspecify.annotations.NullMarked;
