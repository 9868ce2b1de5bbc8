/** The server as agents and people see it: over TLS, with a real database. */
@NullMarked
package dev.rebootless.fleet;

import org.jspecify.annotations.NullMarked;
