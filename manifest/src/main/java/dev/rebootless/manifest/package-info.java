/** What a livepatch module says of itself. */
@NullMarked
package dev.rebootless.manifest;

import org.jspecify.annotations.NullMarked;
