@NullMarked
package dev.rebootless.build.backlog;

import org.jspecify.annotations.NullMarked;
