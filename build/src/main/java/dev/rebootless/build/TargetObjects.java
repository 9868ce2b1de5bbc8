package dev.rebootless.build;

import dev.rebootless.diff.Extraction;
import dev.rebootless.kernel.KernelImage;
import dev.rebootless.kernel.ModuleImage;
import dev.rebootless.kernel.ShippedCode;
import dev.rebootless.livepatch.PatchedAt;
import dev.rebootless.livepatch.ShippedKernel;
import dev.rebootless.livepatch.UnitPatch;
import dev.rebootless.manifest.Manifest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/** The target objects of a livepatch: what it replaces in each, and what is to be known of each. */
final class TargetObjects {
    private TargetObjects() {}

    /** The functions by target object, vmlinux first, then the modules by name. */
    static List<Manifest.TargetObject> of(List<UnitPatch> units, ShippedKernel kernel) {
        SequencedMap<String, List<Manifest.PatchedFunction>> functions = new LinkedHashMap<>();
        for (UnitPatch unit : inOrder(units)) {
            ShippedCode code = kernel.code(unit.target());
            if (unit.isWrittenLate()) {
                functions.computeIfAbsent(unit.target(), target -> new ArrayList<>());
            }
            for (Extraction.Replacement replaced : unit.extraction().replaced()) {
                PatchedAt at = PatchedAt.of(code, unit, replaced.original());
                functions
                        .computeIfAbsent(unit.target(), target -> new ArrayList<>())
                        .add(new Manifest.PatchedFunction(at.name(), at.sympos(), unit.unit()));
            }
        }
        List<Manifest.TargetObject> objects = new ArrayList<>();
        functions.forEach((target, list) ->
                objects.add(new Manifest.TargetObject(target, buildId(kernel.code(target)), list)));
        return objects;
    }

    private static Optional<String> buildId(ShippedCode code) {
        return switch (code) {
            case KernelImage image -> image.buildId();
            case ModuleImage module -> module.module().buildId();
        };
    }

    /** Units of vmlinux first, then those of modules by name; of one object as they came. */
    static List<UnitPatch> inOrder(List<UnitPatch> units) {
        return units.stream()
                .sorted(
                        Comparator.comparing(
                                        (UnitPatch u) -> !u.target().equals(ShippedCode.VMLINUX))
                                .thenComparing(UnitPatch::target))
                .toList();
    }
}
