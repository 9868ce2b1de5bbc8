@NullMarked
package dev.rebootless.host;

import org.jspecify.annotations.NullMarked;
