/**
 * The server: hosts and what they report, their exposure, releases and rollouts
 * (docs/contract-fleet.md).
 */
@NullMarked
package dev.rebootless.fleet;

import org.jspecify.annotations.NullMarked;
