/**
 * Publishing: what is released, what rings should run, and their metadata signed and written
 * (docs/contract-releases.md).
 */
@NullMarked
package dev.rebootless.release.publish;

import org.jspecify.annotations.NullMarked;
