/** Boots a stock kernel in QEMU and proves a module. */
@NullMarked
package dev.rebootless.lab;

import org.jspecify.annotations.NullMarked;
