/** The run-pre proof and the livepatch module, tried on the newest stock kernel of the 6.1 line. */
@NullMarked
package dev.rebootless.build.runpre;

import org.jspecify.annotations.NullMarked;
