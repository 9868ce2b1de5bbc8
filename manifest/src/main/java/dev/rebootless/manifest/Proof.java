package dev.rebootless.manifest;

import java.util.List;
import java.util.Optional;

/**
 * What came of booting a stock kernel and putting a livepatch module through its life in it:
 * loaded, transition finished, behaviour changed, disabled, removed, behaviour as before, kernel
 * log clean. A failed proof is a value like any other; its boots say why.
 *
 * @param kernelRelease as {@code uname -r} printed it in the guest
 * @param kernelVersion the first line of {@code /proc/version} in the guest, which names compiler
 *     and build
 * @param kernelSha256 of the image file that was booted
 * @param moduleSha256 of the livepatch module; empty when the kernel was only booted
 * @param checkSha256 of the check script; empty when there was none, and then no behaviour was
 *     checked
 * @param emulator the first line of {@code qemu-system-x86_64 --version}
 * @param boots one for each CPU model, in the order asked for; at least one
 * @param notShown what no boot in an emulator can show, whatever it ended with; and what these
 *     boots left out of the targets' lives
 * @param passed whether every boot passed
 */
public record Proof(
        String kernelRelease,
        String kernelVersion,
        String kernelSha256,
        Optional<String> moduleSha256,
        Optional<String> checkSha256,
        String emulator,
        List<ProofBoot> boots,
        List<String> notShown,
        boolean passed) {
    /** What must be checked statically, because no CPU that QEMU emulates has it. */
    public static final List<String> NOT_SHOWN =
            List.of(
                    "indirect branch tracking (IBT): QEMU emulates no CPU that faults on a missing ENDBR",
                    "mitigations of CPU models that were not booted",
                    "timing, and how long a transition takes under a real load");

    public Proof {
        boots = List.copyOf(boots);
        notShown = List.copyOf(notShown);
        if (boots.isEmpty()) {
            throw new IllegalArgumentException("a proof without a boot");
        }
        if (passed != boots.stream().allMatch(ProofBoot::passed)) {
            throw new IllegalArgumentException("the verdict is not that of the boots");
        }
    }

    /**
     * Every reason of every boot that failed, each with its CPU model; empty when the proof passed.
     */
    public List<String> reasons() {
        return boots.stream()
                .flatMap(boot ->
                        boot.reasons().stream().map(reason -> boot.cpuModel() + ": " + reason))
                .toList();
    }
}
