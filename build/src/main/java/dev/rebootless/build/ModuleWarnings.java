package dev.rebootless.build;

import dev.rebootless.kernel.ShippedCode;
import dev.rebootless.livepatch.LateTables;
import dev.rebootless.livepatch.Resolution;
import dev.rebootless.livepatch.ShippedKernel;
import dev.rebootless.livepatch.UnitPatch;
import dev.rebootless.livepatch.WritableData;
import dev.rebootless.manifest.Manifest;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** What an administrator has to know of the modules that a livepatch patches. */
final class ModuleWarnings {
    private ModuleWarnings() {}

    /**
     * All of them.
     *
     * @param objects the target objects of the units
     */
    static List<String> of(
            List<UnitPatch> units, List<Manifest.TargetObject> objects, ShippedKernel kernel) {
        List<String> warnings = new ArrayList<>(onceOnly(units, kernel));
        warnings.addAll(LateTables.warnings(units));
        warnings.addAll(outlasting(units));
        warnings.addAll(oneBuildOnly(objects));
        warnings.addAll(unguarded(units));
        return warnings;
    }

    /**
     * Before 6.3 the kernel does not clear what a livepatch wrote for a module that goes, and then
     * refuses to load it again (arch/x86/kernel/module.c, clear_relocate_add). Later kernels do,
     * but not where code has written something else since; so a reference in a variable counts.
     */
    static List<String> onceOnly(List<UnitPatch> units, ShippedKernel kernel) {
        boolean clears = kernel.image().clearsLivepatchRelocations();
        return units.stream()
                .filter(unit ->
                        clears
                                ? !WritableData.lateReferences(unit).isEmpty()
                                : unit.isWrittenLate())
                .map(UnitPatch::target)
                .distinct()
                .map(target ->
                        "the module "
                                + target
                                + ", once removed while the livepatch is loaded, or if its initialization fails,"
                                + (clears ? " may not" : " cannot")
                                + " be loaded again until the livepatch is unloaded: this kernel does not"
                                + " clear the livepatch's references to it"
                                + (clears ? " in variables that code has changed" : ""))
                .toList();
    }

    /** Variables that are the livepatch's, although the code that uses them is a module's. */
    private static List<String> outlasting(List<UnitPatch> units) {
        return units.stream()
                .filter(unit -> !unit.target().equals(ShippedCode.VMLINUX))
                .filter(unit -> !WritableData.added(unit).isEmpty())
                .map(unit ->
                        "new variables of the module "
                                + unit.target()
                                + " ("
                                + unit.unit()
                                + ": "
                                + String.join(", ", WritableData.added(unit))
                                + ") keep their content when the module is removed and loaded again, as long as"
                                + " the livepatch is loaded")
                .toList();
    }

    /**
     * What the livepatch asks of a module that it patches ({@code BuildGuard} in module livepatch).
     * References that were written for the one that was refused are not cleared
     * (klp_module_coming() in kernel/livepatch/core.c), so the next may be refused for them.
     */
    private static List<String> oneBuildOnly(List<Manifest.TargetObject> objects) {
        return objects.stream()
                .filter(object -> !object.name().equals(ShippedCode.VMLINUX))
                .map(object ->
                        "only the shipped build of the module "
                                + object.name()
                                + object.buildId().map(id -> " (build id " + id + ")").orElse("")
                                + " is patched: with another one loaded, the kernel refuses the livepatch, and while"
                                + " the livepatch is loaded, it refuses to load another one (and after that, until the"
                                + " livepatch is unloaded, maybe the shipped one as well)")
                .toList();
    }

    /**
     * The warnings of {@link #oneBuildOnly} on modules that a patched one depends on: they are no
     * target objects, for nothing of them is replaced, so that no callback looks at them.
     */
    private static List<String> unguarded(List<UnitPatch> units) {
        return units.stream()
                .flatMap(unit -> unguarded(unit.unit(), unit.resolutions().values()).stream())
                .toList();
    }

    static List<String> unguarded(String unit, Collection<Resolution> resolutions) {
        SortedMap<String, SortedSet<String>> names = new TreeMap<>();
        for (Resolution resolution : resolutions) {
            if (resolution instanceof Resolution.Klp klp
                    && klp.isLate()
                    && !klp.object().equals(klp.writtenWith())) {
                names.computeIfAbsent(klp.object(), owner -> new TreeSet<>()).add(klp.name());
            }
        }
        return names.entrySet().stream()
                .map(owner ->
                        unit
                                + ": the patched code uses "
                                + String.join(", ", owner.getValue())
                                + " of the module "
                                + owner.getKey()
                                + ", and nothing looks whether its shipped build is the one loaded: see to it"
                                + " where the livepatch is to be loaded")
                .toList();
    }
}
