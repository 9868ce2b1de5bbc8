/** HTTP over TLS: routes and who may take them, bounded bodies, files, health, metrics. */
@NullMarked
package dev.rebootless.fleet.web;

import org.jspecify.annotations.NullMarked;
