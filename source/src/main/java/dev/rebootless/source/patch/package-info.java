/**
 * Source patches: unified diffs read strictly, applied to a tree in memory, and the rules that say
 * which changes a livepatch can carry at all.
 */
@NullMarked
package dev.rebootless.source.patch;

import org.jspecify.annotations.NullMarked;
