/** What the agent reads of a machine, and what it makes of it. */
@NullMarked
package dev.rebootless.host.agent;

import org.jspecify.annotations.NullMarked;
