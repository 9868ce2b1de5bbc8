@NullMarked
package dev.rebootless.release;

import org.jspecify.annotations.NullMarked;
