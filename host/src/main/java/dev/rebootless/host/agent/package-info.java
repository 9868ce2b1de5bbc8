/**
 * The agent (docs/contract-fleet.md): tells a server the facts of this machine, gets what this
 * machine should run, and does it. What talks to the network has no rights, and what has rights
 * believes nothing that it is told.
 */
@NullMarked
package dev.rebootless.host.agent;

import org.jspecify.annotations.NullMarked;
