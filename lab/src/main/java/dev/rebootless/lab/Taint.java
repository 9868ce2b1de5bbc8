package dev.rebootless.lab;

import java.util.ArrayList;
import java.util.List;

/**
 * The kernel's taints: bits of /proc/sys/kernel/tainted and letters of /sys/module/NAME/taint, as
 * in taint_flags of kernel/panic.c and Documentation/admin-guide/tainted-kernels.rst.
 */
final class Taint {
    /** By bit, from 0. */
    private static final String LETTERS = "PFSRMBUDAWCIOELKXTN";

    private static final List<String> MEANINGS =
            List.of(
                    "a proprietary module",
                    "a module loaded by force",
                    "a CPU out of specification",
                    "a module removed by force",
                    "a machine check",
                    "a bad page",
                    "on a user's request",
                    "an oops",
                    "an overridden ACPI table",
                    "a warning",
                    "a staging driver",
                    "a firmware workaround",
                    "an out-of-tree module",
                    "an unsigned module",
                    "a soft lockup",
                    "a livepatch",
                    "auxiliary",
                    "a randomized structure layout",
                    "an in-kernel test");

    /** What a livepatch of ours brings by itself: out-of-tree, unsigned, livepatch. */
    private static final String ALLOWED = "OEK";

    private Taint() {}

    /**
     * The taints among these bits that a livepatch must not bring, such as {@code W (a warning)}.
     */
    static List<String> forbidden(long bits) {
        List<String> found = new ArrayList<>();
        for (int bit = 0; bit < Long.SIZE; bit++) {
            if ((bits & 1L << bit) == 0) {
                continue;
            }
            if (bit >= LETTERS.length()) {
                found.add("bit " + bit + " (unknown)");
            } else if (ALLOWED.indexOf(LETTERS.charAt(bit)) < 0) {
                found.add(LETTERS.charAt(bit) + " (" + MEANINGS.get(bit) + ")");
            }
        }
        return found;
    }

    /** The same for the letters of a module. */
    static List<String> forbidden(String letters) {
        long bits = 0;
        for (int i = 0; i < letters.length(); i++) {
            int bit = LETTERS.indexOf(letters.charAt(i));
            if (bit < 0) {
                return List.of(letters + " (unknown)");
            }
            bits |= 1L << bit;
        }
        return forbidden(bits);
    }
}
