/**
 * What the server does by itself, by the clock: once for all processes that share a database
 * (db-scheduler).
 */
@NullMarked
package dev.rebootless.fleet.job;

import org.jspecify.annotations.NullMarked;
