/**
 * Rollouts as they are kept and driven: what the engine in package {@code rollout} decides, of what
 * hosts have said, in the database that all servers share (docs/contract-rollout.md).
 */
@NullMarked
package dev.rebootless.fleet.staging;

import org.jspecify.annotations.NullMarked;
