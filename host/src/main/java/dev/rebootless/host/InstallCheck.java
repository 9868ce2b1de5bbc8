package dev.rebootless.host;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What of {@link Preflight} can be looked at before the kernel runs that a module is for: the
 * module itself, and what it would take the place of.
 */
final class InstallCheck {
    private final ModuleToLoad module;
    private final boolean unproven;
    private final boolean allowRegression;

    InstallCheck(ModuleToLoad module, boolean unproven, boolean allowRegression) {
        this.module = module;
        this.unproven = unproven;
        this.allowRegression = allowRegression;
    }

    /**
     * Looks at all.
     *
     * @param earlier what is installed before it for the same kernel
     * @param same another build of it that is installed
     * @throws dev.rebootless.base.RebootlessException exit status 4 with every refusal
     */
    void require(List<ModuleToLoad> earlier, Optional<ModuleToLoad> same) {
        List<Finding> findings = new ArrayList<>();
        findings.add(ModuleChecks.architecture(module));
        findings.add(ModuleChecks.vermagic(module));
        findings.add(ModuleChecks.proof(module, unproven));
        List<ModuleToLoad> lost = new ArrayList<>(same.stream().toList());
        if (module.manifest().replace()) {
            lost.addAll(earlier);
        }
        for (ModuleToLoad each : lost) {
            findings.add(
                    ModuleChecks.regression(
                            "installed livepatches that it replaces",
                            each.name(),
                            each.manifest(),
                            module.manifest(),
                            allowRegression));
        }
        if (!module.manifest().replace()) {
            for (ModuleToLoad each : earlier) {
                findings.add(
                        ModuleChecks.covering(
                                each.name(), each.manifest(), module.manifest(), allowRegression));
            }
        }
        Finding.requireNoRefusal(findings);
    }
}
