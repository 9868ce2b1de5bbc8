/** Tests of rollouts, and a fleet of hosts that is simulated whole. */
@NullMarked
package dev.rebootless.fleet.rollout;

import org.jspecify.annotations.NullMarked;
