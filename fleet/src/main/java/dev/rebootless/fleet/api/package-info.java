/**
 * What people and programs ask: accounts, tokens, systems, CVEs, livepatches, attempts, the audit
 * log.
 */
@NullMarked
package dev.rebootless.fleet.api;

import org.jspecify.annotations.NullMarked;
