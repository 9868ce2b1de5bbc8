/** Which CVEs of a kernel are in code that it has. */
@NullMarked
package dev.rebootless.build.exposure;

import org.jspecify.annotations.NullMarked;
