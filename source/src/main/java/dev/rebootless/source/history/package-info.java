/** What differs between the packaged versions of a kernel's source, and where code stands in it. */
@NullMarked
package dev.rebootless.source.history;

import org.jspecify.annotations.NullMarked;
