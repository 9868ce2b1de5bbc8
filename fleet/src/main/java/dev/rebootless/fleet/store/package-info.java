/** What the server keeps, in PostgreSQL alone: one store for each thing that changes as a whole. */
@NullMarked
package dev.rebootless.fleet.store;

import org.jspecify.annotations.NullMarked;
