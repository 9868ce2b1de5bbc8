/** The livepatch module: run-pre proof, references, descriptor, link, klp relocations. */
@NullMarked
package dev.rebootless.livepatch;

import org.jspecify.annotations.NullMarked;
