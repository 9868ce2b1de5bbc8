@NullMarked
package dev.rebootless.build.exposure;

import org.jspecify.annotations.NullMarked;
