@NullMarked
package dev.rebootless.cve;

import org.jspecify.annotations.NullMarked;
