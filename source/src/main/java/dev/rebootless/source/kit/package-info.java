/**
 * Kits: all that is needed to build for one kernel build, made from the distribution's packages.
 *
 * <p>Read {@link dev.rebootless.source.kit.Kits} for what can be done, and {@code KitMaker} for how
 * a kit comes to be, step by step.
 */
@NullMarked
package dev.rebootless.source.kit;

import org.jspecify.annotations.NullMarked;
