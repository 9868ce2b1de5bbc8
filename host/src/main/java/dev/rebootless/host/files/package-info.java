/** The files of a machine that runs a kernel, and the JSON that is kept in some of them. */
@NullMarked
package dev.rebootless.host.files;

import org.jspecify.annotations.NullMarked;
