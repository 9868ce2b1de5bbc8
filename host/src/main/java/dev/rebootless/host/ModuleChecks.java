package dev.rebootless.host;

import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.Regression;
import java.util.Set;

/** What is looked at of a module alone, or of a module and one that it takes the place of. */
final class ModuleChecks {
    private ModuleChecks() {}

    static Finding architecture(ModuleToLoad module) {
        String what = "architecture";
        return module.otherMachine()
                .map(machine ->
                        Finding.refusal(
                                what,
                                "RBL-HOST-ARCHITECTURE",
                                module.path().toString(),
                                "is for another architecture (ELF machine " + machine + ")",
                                "build the livepatch for this machine's kernel"))
                .orElse(Finding.fine(what, "x86-64"));
    }

    /** The manifest's is that of the kernel's own modules; the file's must be the same. */
    static Finding vermagic(ModuleToLoad module) {
        String what = "version magic";
        String wanted = module.manifest().kernel().vermagic();
        return module.module().vermagic().equals(wanted)
                ? Finding.fine(what, wanted.strip())
                : Finding.refusal(
                        what,
                        "RBL-HOST-VERMAGIC",
                        module.path().toString(),
                        "has the version magic '"
                                + module.module().vermagic()
                                + "', and the kernel's modules have '"
                                + wanted
                                + "'",
                        "build the livepatch again: the file was changed after it was built");
    }

    static Finding proof(ModuleToLoad module, boolean unproven) {
        String what = "proof by boot";
        return switch (module.proof()) {
            case PROVEN -> Finding.fine(what, "the file beside the module has it");
            case UNPROVEN, UNKNOWN ->
                    unproven
                            ? Finding.warning(what, "no boot has proven this module")
                            : Finding.refusal(
                                    what,
                                    "RBL-HOST-UNPROVEN",
                                    module.path().toString(),
                                    module.proof() == ModuleToLoad.Proof.UNKNOWN
                                            ? "there is no file of this module beside it that has a proof"
                                            : "it was built with --no-test: no boot has proven it",
                                    "prove it with `rebootless test`, or say --unproven");
        };
    }

    /**
     * What is lost when one livepatch takes the place of another.
     *
     * @param earlier the name of the other
     */
    static Finding regression(
            String what, String earlier, Manifest before, Manifest after, boolean allowed) {
        Regression lost = Regression.between(before, after);
        if (lost.isNone()) {
            return Finding.fine(what, earlier + ", all of whose functions and CVEs it has");
        }
        String message = "would be replaced by one that lacks " + lost.text();
        return allowed
                ? Finding.warning(what, earlier + " " + message)
                : Finding.refusal(
                        what,
                        "RBL-HOST-REGRESSION",
                        earlier,
                        message,
                        "build one livepatch of all the patches, or say --allow-regression");
    }

    /**
     * A stacked livepatch that replaces what another of ours replaces already: built without the
     * other's patch, it brings the old code back.
     */
    static Finding covering(String below, Manifest before, Manifest after, boolean allowed) {
        String what = "livepatches below it";
        Set<String> both = before.functions();
        both.retainAll(after.functions());
        if (both.isEmpty()) {
            return Finding.fine(what, below + ", none of whose functions it replaces");
        }
        String message = "its functions would be covered by others: " + String.join(", ", both);
        return allowed
                ? Finding.warning(what, below + ": " + message)
                : Finding.refusal(
                        what,
                        "RBL-HOST-REGRESSION",
                        below,
                        message,
                        "build one livepatch of all the patches, or say --allow-regression");
    }
}
