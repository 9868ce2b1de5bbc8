/** Which CVEs a kernel build has open: changelogs, feeds, severities, exposure. */
@NullMarked
package dev.rebootless.cve;

import org.jspecify.annotations.NullMarked;
