/** Tests of the passes on real kernels. */
@NullMarked
package dev.rebootless.build;

import org.jspecify.annotations.NullMarked;
