/**
 * What is released and what each ring of hosts should run: files of keys, published livepatches,
 * desired state. The formats are in docs/contract-fleet.md and docs/contract-releases.md.
 */
@NullMarked
package dev.rebootless.release;

import org.jspecify.annotations.NullMarked;
