package dev.rebootless.source.compile;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** What a text may include. */
class IncludeScanTest {
    @Test
    void everyFormOfIncludeIsFoundWhateverTheConditions() {
        IncludeScan scan =
                IncludeScan.of(
                        """
                        #include <linux/a.h>
                        #if 0
                        # \tinclude "b.h" /* why */
                        #endif
                        /* x */ # /* y */ include/**/"c.h"
                        #include \\
                          <d.h>
                        #include_next <e.h>
                        s = "#/*";
                        #include "f.h"
                        """);
        assertThat(scan.quoted()).containsExactly("b.h", "c.h", "f.h");
        assertThat(scan.angled()).containsExactly("linux/a.h", "d.h", "e.h");
        assertThat(scan.anything()).isFalse();
    }

    @Test
    void theNameThatAMacroStandsForIsFoundWhereTheMacroIsDefined() {
        IncludeScan scan =
                IncludeScan.of(
                        """
                        #define TRACE_SYSTEM sock
                        #define TRACE_INCLUDE_FILE ../drivers/x-trace
                        #define MAGIC_FILE <linux/drbd_genl.h>
                        #include TRACE_INCLUDE(TRACE_INCLUDE_FILE)
                        #include MAGIC_FILE
                         * what to #include first
                        """);
        assertThat(scan.angled())
                .containsExactly("sock.h", "../drivers/x-trace.h", "linux/drbd_genl.h");
        assertThat(scan.macros()).containsExactly("MAGIC_FILE");
        assertThat(scan.defined()).containsExactly("MAGIC_FILE");
        assertThat(scan.anything()).isFalse();
    }

    @Test
    void anIncludeThatOnlyThePreprocessorCanReadMayBeAnything() {
        assertThat(IncludeScan.of("#include __stringify(x.h)\n").anything()).isTrue();
    }
}
