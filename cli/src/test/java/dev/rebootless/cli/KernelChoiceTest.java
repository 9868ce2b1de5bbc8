package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Which kernel is running, if it is Debian's. */
class KernelChoiceTest {
    private static final String DEBIAN =
            "Linux version 6.1.0-13-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian"
                    + " 12.2.0-14) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) #1 SMP"
                    + " PREEMPT_DYNAMIC Debian 6.1.55-1 (2023-09-29)";

    @Test
    void aRunningKernelOfDebianIsChosenWithItsVersion() {
        assertThat(KernelChoice.running("6.1.0-13-amd64", DEBIAN).orElseThrow().toString())
                .isEqualTo("6.1.0-13-amd64=6.1.55-1");
    }

    @Test
    void anotherKernelIsNot() {
        assertThat(
                        KernelChoice.running(
                                "6.18.44-fc",
                                "Linux version 6.18.44-fc (builder@sandboxing) (gcc (GCC) 15.3.0)"))
                .isEmpty();
        assertThat(KernelChoice.running("6.1.55+mine", DEBIAN)).isEmpty();
    }
}
