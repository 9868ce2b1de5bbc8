/**
 * When each host may act: rings, windows, soak times, limits, halts and reversals, as values and
 * functions of values (docs/contract-rollout.md). What a host may load is signed elsewhere; nothing
 * here allows anything that is not.
 */
@NullMarked
package dev.rebootless.fleet.rollout;

import org.jspecify.annotations.NullMarked;
