@NullMarked
package dev.rebootless.release.publish;

import org.jspecify.annotations.NullMarked;
