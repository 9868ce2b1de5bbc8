package dev.rebootless.livepatch;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.kernel.KernelSymbol;
import dev.rebootless.kernel.ShippedCode;

/**
 * Where the livepatch core finds a replaced function.
 *
 * @param sympos which of several symbols of the name in the target object, from 1; 0 if it is
 *     unique
 * @param address in the shipped code
 */
public record PatchedAt(String name, int sympos, long address) {
    /**
     * Of a function whose original is proven.
     *
     * @param code of the unit's target object
     * @throws RebootlessException exit status 4 {@code RBL-SYMBOL-AMBIGUOUS} when the kernel may
     *     count its namesakes in two ways
     * @throws IllegalStateException if it is not proven: a fault of ours
     */
    public static PatchedAt of(ShippedCode code, UnitPatch unit, ElfSymbol original) {
        long address =
                unit.changes()
                        .original()
                        .item(original)
                        .map(unit.match()::address)
                        .orElseThrow()
                        .orElseThrow(() ->
                                new IllegalStateException(original.name() + " is not proven"));
        KernelSymbol symbol =
                code.symbols().at(address).stream()
                        .filter(s -> s.name().equals(original.name()))
                        .findFirst()
                        .orElseThrow(() ->
                                new IllegalStateException(
                                        original.name() + " is not at its address"));
        int sympos =
                code.sympos(symbol)
                        .orElseThrow(() ->
                                new RebootlessException(
                                        dev.rebootless.base.ExitStatus.REFUSED,
                                        SymbolResolver.uncountable(code, symbol.name())));
        return new PatchedAt(symbol.name(), sympos, address);
    }
}
