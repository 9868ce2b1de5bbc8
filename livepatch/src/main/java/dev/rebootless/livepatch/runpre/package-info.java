/** The run-pre proof: the rebuilt original is the code that the shipped kernel runs. */
@NullMarked
package dev.rebootless.livepatch.runpre;

import org.jspecify.annotations.NullMarked;
