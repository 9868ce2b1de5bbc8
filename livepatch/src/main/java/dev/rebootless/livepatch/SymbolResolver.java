package dev.rebootless.livepatch;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.diff.Extraction;
import dev.rebootless.diff.ObjectModel;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.kernel.KernelImage;
import dev.rebootless.kernel.KernelSymbol;
import dev.rebootless.kernel.ModuleImage;
import dev.rebootless.kernel.ShippedCode;
import dev.rebootless.kernel.SymbolVersions.Export;
import dev.rebootless.livepatch.runpre.UnitMatch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Finds what the undefined symbols of an extracted object mean in the running kernel. An address
 * that proven code uses settles it; without one, only a name that occurs once in the target object
 * is believed.
 */
public final class SymbolResolver {
    private final ShippedKernel kernel;
    private final ShippedCode code;
    private final ObjectModel original;
    private final UnitMatch match;
    private final List<Problem> problems = new ArrayList<>();

    private SymbolResolver(
            ShippedKernel kernel, ShippedCode code, ObjectModel original, UnitMatch match) {
        this.kernel = kernel;
        this.code = code;
        this.original = original;
        this.match = match;
    }

    /**
     * Resolves every undefined symbol of an extracted object.
     *
     * @param target the target object of the unit
     * @param others what the patch makes of names in other units
     * @throws RebootlessException exit status 4 with one problem for each symbol that cannot be
     *     told, {@code RBL-SYMBOL-AMBIGUOUS} or {@code RBL-SYMBOL-UNKNOWN}, or that is gone after
     *     boot, {@code RBL-INIT-REFERENCE}
     */
    public static Map<ElfSymbol, Resolution> resolve(
            Extraction extraction,
            ObjectModel original,
            UnitMatch match,
            ShippedKernel kernel,
            String target,
            OtherUnits others) {
        SymbolResolver resolver = new SymbolResolver(kernel, kernel.code(target), original, match);
        Map<ElfSymbol, Resolution> resolutions = new LinkedHashMap<>();
        for (ElfSymbol symbol : extraction.object().symbols()) {
            if (symbol.isUndefined()) {
                ElfSymbol there = extraction.originals().get(symbol);
                Resolution resolution;
                if (there != null) {
                    resolution = resolver.defined(there);
                } else if (others.defined().contains(symbol.name())) {
                    resolution = resolver.inside(symbol.name());
                } else if (others.madeGlobal().containsKey(symbol.name())) {
                    OtherUnits.ShippedPlace place = others.madeGlobal().get(symbol.name());
                    resolution = resolver.at(place.code(), symbol.name(), place.address());
                } else {
                    resolution = resolver.external(symbol.name());
                }
                resolutions.put(symbol, resolution);
            }
        }
        if (!resolver.problems.isEmpty()) {
            throw new RebootlessException(ExitStatus.REFUSED, resolver.problems);
        }
        return resolutions;
    }

    /** A key of a static call goes with its trampoline: objtool looks for it by name. */
    static Resolution staticCallKey(Resolution of, KernelImage image) {
        String trampoline = of.name();
        String key = "__SCK__" + trampoline.substring("__SCT__".length());
        if (of instanceof Resolution.Klp klp && klp.isLate()) {
            // objtool wants the name; LateTables leaves out what refers to it.
            return new Resolution.Klp(klp.object(), key, 0, klp.writtenWith());
        }
        List<KernelSymbol> named = image.symbols().named(key);
        if (named.size() != 1) {
            throw RebootlessException.refused(
                    "RBL-STATIC-CALL-KEY",
                    trampoline,
                    "its key " + key + " is not one symbol of the kernel but " + named.size(),
                    "use the function that the static call leads to");
        }
        return Resolution.Klp.ofVmlinux(key, 0);
    }

    /** The refusal of a name that the kernel may count in two ways. */
    static Problem uncountable(ShippedCode code, String name) {
        return new Problem(
                "RBL-SYMBOL-AMBIGUOUS",
                name,
                "the module "
                        + code.target()
                        + " has several symbols of this name, one of them in memory that is freed once the"
                        + " module is initialized, so that the kernel counts them differently while it loads and"
                        + " afterwards",
                "leave this name out of the patch, or reboot into the fixed kernel");
    }

    private Optional<Export> exportOfVmlinux(String name) {
        return kernel.exports().export(name).filter(Export::fromVmlinux);
    }

    private static Resolution exported(Export export) {
        return new Resolution.Exported(export.name(), export.crc(), export.namespace());
    }

    /** Something that the original unit defines itself. */
    private Resolution defined(ElfSymbol symbol) {
        if (code instanceof KernelImage && !symbol.isLocal()) {
            Optional<Export> export = exportOfVmlinux(symbol.name());
            if (export.isPresent()) {
                return exported(export.get());
            }
        }
        OptionalLong address =
                original.item(symbol).map(match::address).orElse(OptionalLong.empty());
        return address.isPresent()
                ? at(symbol.name(), address.getAsLong())
                : inTarget(symbol.name());
    }

    /** Something that another unit defines. */
    private Resolution external(String name) {
        OptionalLong address = match.external(name);
        return switch (code) {
            case KernelImage _ -> {
                Optional<Export> export = exportOfVmlinux(name);
                if (export.isPresent()) {
                    yield exported(export.get());
                }
                yield address.isPresent()
                        ? at(name, address.getAsLong())
                        : globalByName(code, name);
            }
            case ModuleImage module -> {
                if (address.isPresent()) {
                    yield at(name, address.getAsLong());
                }
                boolean own =
                        module.symbols().named(name).stream()
                                .anyMatch(s -> !module.isImport(s) && isGlobal(s));
                yield own ? globalByName(code, name) : imported(module, name);
            }
        };
    }

    private static boolean isGlobal(KernelSymbol symbol) {
        return Character.isUpperCase(symbol.type());
    }

    /**
     * A name that the patch newly defines in another unit. Where the running kernel has one of this
     * name already, it may be that the patch moves it from file to file, and code that stays goes
     * on using the old one.
     */
    private Resolution inside(String name) {
        boolean there =
                code.symbols().named(name).stream().anyMatch(SymbolResolver::isGlobal)
                        || kernel.exports().export(name).isPresent();
        if (there) {
            problems.add(
                    new Problem(
                            "RBL-GLOBAL-ELSEWHERE",
                            name,
                            "the patch newly defines it in another file, but the running kernel has one of this"
                                    + " name already, which code that the patch does not change would go on"
                                    + " using",
                            "give the new one another name"));
        }
        return new Resolution.Inside(name);
    }

    /** What proven code uses. */
    private Resolution at(String name, long address) {
        return at(code, name, address);
    }

    private Resolution at(ShippedCode where, String name, long address) {
        List<KernelSymbol> there = where.symbols().at(address);
        KernelSymbol symbol =
                there.stream()
                        .filter(s -> s.name().equals(name))
                        .findFirst()
                        .orElse(there.isEmpty() ? null : there.getFirst());
        if (symbol == null) {
            return unknown(name, "the shipped kernel has no symbol of this name");
        }
        return where instanceof ModuleImage module && module.isImport(symbol)
                ? imported(module, symbol.name())
                : klp(where, symbol);
    }

    /** What the target object itself has, by its name alone. */
    private Resolution inTarget(String name) {
        return byName(code, name);
    }

    /** What another unit defines can be no static one, whose name may be there by chance. */
    private Resolution globalByName(ShippedCode where, String name) {
        List<KernelSymbol> named = where.symbols().named(name);
        return named.size() == 1 && !isGlobal(named.getFirst())
                ? unknown(
                        name,
                        "the shipped kernel has this name only for a static one of another file")
                : byName(where, name);
    }

    private Resolution byName(ShippedCode where, String name) {
        List<KernelSymbol> named =
                where.symbols().named(name).stream()
                        .filter(s -> s.type() != ModuleImage.IMPORT)
                        .toList();
        if (named.size() == 1) {
            return klp(where, named.getFirst());
        }
        if (named.isEmpty()) {
            return unknown(name, whyUnknown(name));
        }
        problems.add(
                new Problem(
                        "RBL-SYMBOL-AMBIGUOUS",
                        name,
                        (where instanceof KernelImage
                                        ? "the kernel"
                                        : "the module " + where.target())
                                + " has "
                                + named.size()
                                + " symbols of this name, and no proven code of the unit tells which of them is meant",
                        "use a function or variable whose name is unique, or one that the file used before"));
        return Resolution.Klp.ofVmlinux(name, 0);
    }

    private Resolution klp(ShippedCode where, KernelSymbol symbol) {
        if (where.isInit(symbol.address())) {
            problems.add(
                    new Problem(
                            "RBL-INIT-REFERENCE",
                            symbol.name(),
                            "the patched code newly refers to it, but its memory is freed after "
                                    + (where instanceof KernelImage
                                            ? "boot"
                                            : "the module is loaded")
                                    + " (__init)",
                            "use something that stays, or copy what is needed into the patched file"));
        }
        OptionalInt sympos = where.sympos(symbol);
        if (sympos.isEmpty()) {
            problems.add(uncountable(where, symbol.name()));
        }
        String writtenWith = where instanceof KernelImage ? ShippedCode.VMLINUX : code.target();
        return new Resolution.Klp(where.target(), symbol.name(), sympos.orElse(0), writtenWith);
    }

    /**
     * What code of a module uses of others: what vmlinux exports; what modules that it depends on
     * export, which are loaded whenever it is; else what vmlinux has without exporting it.
     */
    private Resolution imported(ModuleImage module, String name) {
        Optional<Export> export = kernel.exports().export(name);
        if (export.isEmpty()) {
            return globalByName(kernel.image(), name);
        }
        if (export.get().fromVmlinux()) {
            return exported(export.get());
        }
        String owner = nameOf(export.get().module());
        if (!dependsOn(module, owner)) {
            return unknown(
                    name,
                    "it is in the module "
                            + owner
                            + ", which "
                            + module.target()
                            + " does not depend on, so that it may not be loaded");
        }
        ModuleImage other = kernel.module(owner);
        List<KernelSymbol> global =
                other.symbols().named(name).stream()
                        .filter(s -> !other.isImport(s) && isGlobal(s))
                        .toList();
        return global.size() == 1
                ? klp(other, global.getFirst())
                : unknown(name, "the module " + owner + " exports it, but does not define it");
    }

    /** Of the path of a module in the build (Module.symvers) to the name that the kernel knows. */
    private static String nameOf(String path) {
        return path.substring(path.lastIndexOf('/') + 1).replace('-', '_');
    }

    /** Directly, as depmod's list in the module itself says. */
    private static boolean dependsOn(ModuleImage module, String other) {
        return module.module().modinfo("depends").stream()
                .flatMap(list -> List.of(list.split(",")).stream())
                .anyMatch(d -> d.replace('-', '_').equals(other));
    }

    private String whyUnknown(String name) {
        return kernel.exports()
                .export(name)
                .map(e ->
                        "it is in the module "
                                + nameOf(e.module())
                                + ", which code of "
                                + code.target()
                                + " cannot use")
                .orElse("the shipped kernel has no symbol of this name");
    }

    private Resolution unknown(String name, String why) {
        problems.add(
                new Problem(
                        "RBL-SYMBOL-UNKNOWN",
                        name,
                        why,
                        "check that the patch is meant for this kernel version"));
        return Resolution.Klp.ofVmlinux(name, 0);
    }
}
