/**
 * Release metadata as The Update Framework has it (The Update Framework Specification 1.0.34, "the
 * specification" below): what a host may load, and what it should run, signed by roles whose keys
 * need not be on the server that hands it out.
 */
@NullMarked
package dev.rebootless.trust.tuf;

import org.jspecify.annotations.NullMarked;
