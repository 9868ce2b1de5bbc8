/** A shipped kernel: packages, image, kallsyms, BTF, exports, modules. */
@NullMarked
package dev.rebootless.kernel;

import org.jspecify.annotations.NullMarked;
