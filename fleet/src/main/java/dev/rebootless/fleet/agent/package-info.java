/** What the server and the agents say to each other (docs/contract-fleet.md). */
@NullMarked
package dev.rebootless.fleet.agent;

import org.jspecify.annotations.NullMarked;
