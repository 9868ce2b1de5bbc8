@NullMarked
package dev.rebootless.source.sandbox;

import org.jspecify.annotations.NullMarked;
