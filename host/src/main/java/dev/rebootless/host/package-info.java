/** This machine: its livepatches, loaded, followed, shown and taken out again. */
@NullMarked
package dev.rebootless.host;

import org.jspecify.annotations.NullMarked;
