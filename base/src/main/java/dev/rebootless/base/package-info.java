/** Problems with their codes and remedies, processes, files: what every stage needs. */
@NullMarked
package dev.rebootless.base;

import org.jspecify.annotations.NullMarked;
