package dev.rebootless.lab;

import java.time.Duration;

/** How QEMU runs the guest's instructions. */
enum Accelerator {
    /**
     * Translated. Works everywhere; several times slower, and slower still on a busy machine. One
     * thread for all guest processors: with a thread for each, QEMU (7.2) runs an instruction that
     * another processor has just overwritten, and as ftrace, static keys and static calls all write
     * int3 for a moment, the guest dies of "Oops: int3" or hangs, the more often the busier the
     * machine is. A proof must not fail of that. As two boots run at a time, it costs little.
     */
    TCG("tcg,thread=single", Duration.ofMinutes(2)),
    /** By the CPU itself, through /dev/kvm. */
    KVM("kvm", Duration.ofSeconds(10));

    private final String option;
    private final Duration bootDeadline;

    Accelerator(String option, Duration bootDeadline) {
        this.option = option;
        this.bootDeadline = bootDeadline;
    }

    /** The value of QEMU's {@code -accel}. */
    String option() {
        return option;
    }

    /** From the start of QEMU to the guest's first report; an idle machine needs 3 s (tcg). */
    Duration bootDeadline() {
        return bootDeadline;
    }

    /** As it stands in a proof. */
    String word() {
        return switch (this) {
            case TCG -> "tcg";
            case KVM -> "kvm";
        };
    }
}
