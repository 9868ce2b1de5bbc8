/** The passes from a source patch to a proven livepatch module. */
@NullMarked
package dev.rebootless.build;

import org.jspecify.annotations.NullMarked;
