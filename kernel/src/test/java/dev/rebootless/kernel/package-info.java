/**
 * Tests of reading a kernel, and what helps other modules' tests: kernels from apt, damaged input.
 */
@NullMarked
package dev.rebootless.kernel;

import org.jspecify.annotations.NullMarked;
