package dev.rebootless.livepatch;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.diff.Extraction;
import dev.rebootless.diff.ObjectModel;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.kernel.KernelImage;
import dev.rebootless.kernel.KernelSymbol;
import dev.rebootless.kernel.SymbolVersions;
import dev.rebootless.livepatch.runpre.UnitMatch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * Finds what the undefined symbols of an extracted object mean in the running kernel. An address
 * that proven code uses settles it; without one, only a name that occurs once in the kernel is
 * believed.
 */
public final class SymbolResolver {
    private static final String VMLINUX = "vmlinux";

    private final KernelImage image;
    private final SymbolVersions exports;
    private final ObjectModel original;
    private final UnitMatch match;
    private final List<Problem> problems = new ArrayList<>();

    private SymbolResolver(
            KernelImage image, SymbolVersions exports, ObjectModel original, UnitMatch match) {
        this.image = image;
        this.exports = exports;
        this.original = original;
        this.match = match;
    }

    /**
     * Resolves every undefined symbol of an extracted object, for a unit of vmlinux.
     *
     * @throws RebootlessException exit status 4 with one problem for each symbol that cannot be
     *     told, {@code RBL-SYMBOL-AMBIGUOUS} or {@code RBL-SYMBOL-UNKNOWN}, or that is gone after
     *     boot, {@code RBL-INIT-REFERENCE}
     */
    public static Map<ElfSymbol, Resolution> resolve(
            Extraction extraction,
            ObjectModel original,
            UnitMatch match,
            KernelImage image,
            SymbolVersions exports) {
        SymbolResolver resolver = new SymbolResolver(image, exports, original, match);
        Map<ElfSymbol, Resolution> resolutions = new LinkedHashMap<>();
        for (ElfSymbol symbol : extraction.object().symbols()) {
            if (symbol.isUndefined()) {
                ElfSymbol there = extraction.originals().get(symbol);
                Resolution resolution =
                        there == null ? resolver.external(symbol.name()) : resolver.defined(there);
                resolutions.put(symbol, resolution);
            }
        }
        if (!resolver.problems.isEmpty()) {
            throw new RebootlessException(ExitStatus.REFUSED, resolver.problems);
        }
        return resolutions;
    }

    /** A key of a static call goes with its trampoline: objtool looks for it by name. */
    static Resolution staticCallKey(String trampoline, KernelImage image) {
        String key = "__SCK__" + trampoline.substring("__SCT__".length());
        List<KernelSymbol> named = image.symbols().named(key);
        if (named.size() != 1) {
            throw RebootlessException.refused(
                    "RBL-STATIC-CALL-KEY",
                    trampoline,
                    "its key " + key + " is not one symbol of the kernel but " + named.size(),
                    "use the function that the static call leads to");
        }
        return new Resolution.Klp(VMLINUX, key, 0);
    }

    private boolean isExported(String name) {
        return exports.export(name)
                .filter(e -> e.module().equals(VMLINUX) && e.namespace().isEmpty())
                .isPresent();
    }

    private Resolution exported(String name) {
        return new Resolution.Exported(name, exports.export(name).orElseThrow().crc());
    }

    /** Something that the original unit defines itself. */
    private Resolution defined(ElfSymbol symbol) {
        if (!symbol.isLocal() && isExported(symbol.name())) {
            return exported(symbol.name());
        }
        OptionalLong address =
                original.item(symbol).map(match::address).orElse(OptionalLong.empty());
        if (address.isEmpty()) {
            return byName(symbol.name());
        }
        return at(symbol.name(), address.getAsLong());
    }

    /** Something that another unit of vmlinux defines. */
    private Resolution external(String name) {
        if (isExported(name)) {
            return exported(name);
        }
        OptionalLong address = match.external(name);
        return address.isPresent() ? at(name, address.getAsLong()) : byName(name);
    }

    private Resolution at(String name, long address) {
        List<KernelSymbol> there = image.symbols().at(address);
        KernelSymbol symbol =
                there.stream()
                        .filter(s -> s.name().equals(name))
                        .findFirst()
                        .orElse(there.isEmpty() ? null : there.getFirst());
        if (symbol == null) {
            return unknown(name);
        }
        return klp(symbol);
    }

    private Resolution klp(KernelSymbol symbol) {
        if (image.initRange().contains(symbol.address())) {
            problems.add(
                    new Problem(
                            "RBL-INIT-REFERENCE",
                            symbol.name(),
                            "the patched code newly refers to it, but its memory is freed after boot (__init)",
                            "use something that stays, or copy what is needed into the patched file"));
        }
        return new Resolution.Klp(VMLINUX, symbol.name(), image.symbols().sympos(symbol));
    }

    private Resolution byName(String name) {
        List<KernelSymbol> named = image.symbols().named(name);
        if (named.size() == 1) {
            return klp(named.getFirst());
        }
        if (named.isEmpty()) {
            return unknown(name);
        }
        problems.add(
                new Problem(
                        "RBL-SYMBOL-AMBIGUOUS",
                        name,
                        "the kernel has "
                                + named.size()
                                + " symbols of this name, and no proven code of the unit tells which of them is meant",
                        "use a function or variable whose name is unique, or one that the file used before"));
        return new Resolution.Klp(VMLINUX, name, 0);
    }

    private Resolution unknown(String name) {
        problems.add(
                new Problem(
                        "RBL-SYMBOL-UNKNOWN",
                        name,
                        exports.export(name)
                                .map(e ->
                                        "it is in the module "
                                                + e.module()
                                                + ", which code of vmlinux cannot use")
                                .orElse("the shipped kernel has no symbol of this name"),
                        "check that the patch is meant for this kernel version"));
        return new Resolution.Klp(VMLINUX, name, 0);
    }
}
