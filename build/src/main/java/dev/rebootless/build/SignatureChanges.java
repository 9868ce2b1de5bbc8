package dev.rebootless.build;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.diff.Item;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.kernel.KernelSymbol;
import dev.rebootless.kernel.ShippedCode;
import dev.rebootless.kernel.SymbolVersions;
import dev.rebootless.livepatch.ShippedKernel;
import dev.rebootless.livepatch.UnitPatch;
import dev.rebootless.source.compile.ObjectPair;
import dev.rebootless.source.compile.TypeCheck;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Replaced functions whose type changes: their callers must switch with them. A unit that is
 * compiled on both sides calls them as they are declared now, whether that changes its code or not;
 * code of any other unit would go on with the old arguments.
 */
final class SignatureChanges {
    private static final int NAMED = 5;

    private final TypeCheck.Findings types;
    private final ShippedKernel kernel;

    /** By target object, the functions of all units that are compiled on both sides. */
    private final Map<String, Set<String>> compiled;

    private SignatureChanges(
            TypeCheck.Findings types, ShippedKernel kernel, Map<String, Set<String>> compiled) {
        this.types = types;
        this.kernel = kernel;
        this.compiled = compiled;
    }

    /**
     * A sentence for each function whose type changes and whose callers all switch.
     *
     * @param pairs all units that are compiled on both sides
     * @throws RebootlessException exit status 4 {@code RBL-EXPORT-CHANGED} when modules may call a
     *     function as it was, {@code RBL-SIGNATURE-CHANGED} when code of other units does
     */
    static List<String> require(
            TypeCheck.Findings types,
            List<ObjectPair> pairs,
            List<UnitPatch> units,
            ShippedKernel kernel) {
        if (types.signatures().isEmpty()) {
            return List.of();
        }
        return new SignatureChanges(types, kernel, functions(pairs)).of(units);
    }

    private static Map<String, Set<String>> functions(List<ObjectPair> pairs) {
        Map<String, Set<String>> functions = new TreeMap<>();
        for (ObjectPair pair : pairs) {
            Set<String> names =
                    functions.computeIfAbsent(pair.unit().target(), t -> new HashSet<>());
            ElfReader.read(pair.original()).symbols().stream()
                    .filter(s -> s.isFunction() && !s.isUndefined())
                    .forEach(s -> names.add(s.name()));
        }
        return functions;
    }

    private List<String> of(List<UnitPatch> units) {
        Set<String> warnings = new TreeSet<>();
        List<Problem> problems = new ArrayList<>();
        for (UnitPatch unit : units) {
            SortedMap<String, String> changed =
                    types.signatures().getOrDefault(unit.unit(), new TreeMap<>());
            for (Item item : unit.changes().replaced().keySet()) {
                String function = item.name().replaceFirst("\\..*", "");
                String how = changed.get(function);
                if (how == null) {
                    continue;
                }
                Optional<Problem> problem = problem(unit, item, how);
                problem.ifPresent(problems::add);
                if (problem.isEmpty()) {
                    warnings.add(
                            "%s: %s: its type changes (%s); its callers switch to the new code with it"
                                    .formatted(unit.unit(), function, how));
                }
            }
        }
        if (!problems.isEmpty()) {
            throw new RebootlessException(ExitStatus.REFUSED, problems);
        }
        return List.copyOf(warnings);
    }

    private Optional<Problem> problem(UnitPatch unit, Item item, String how) {
        if (!item.isGlobal()) {
            return Optional.empty();
        }
        boolean vmlinux = unit.target().equals(ShippedCode.VMLINUX);
        Optional<SymbolVersions.Export> export =
                kernel.exports().export(item.name()).filter(e -> e.fromVmlinux() == vmlinux);
        if (export.isPresent()) {
            return Optional.of(
                    new Problem(
                            "RBL-EXPORT-CHANGED",
                            item.name(),
                            "the function is exported, and its type changes (%s): modules call it by the old"
                                            .formatted(how)
                                    + " one, which its CRC 0x%08x stands for"
                                            .formatted(export.get().crc()),
                            "leave its type as it is; let patched code call a new function"));
        }
        Set<String> callers = new TreeSet<>();
        ShippedCode code = kernel.code(unit.target());
        Set<String> compiledToo = compiled.getOrDefault(unit.target(), Set.of());
        for (KernelSymbol caller : code.callers(unit.match().address(item).orElseThrow())) {
            if (!compiledToo.contains(caller.name())) {
                callers.add(caller.name());
            }
        }
        return callers.isEmpty()
                ? Optional.empty()
                : Optional.of(
                        new Problem(
                                "RBL-SIGNATURE-CHANGED",
                                item.name(),
                                "its type changes (%s), and code that the patch does not reach calls it as before: %s"
                                        .formatted(
                                                how,
                                                String.join(
                                                        ", ",
                                                        callers.stream().limit(NAMED).toList())),
                                "leave its type as it is, or change its declaration in the header that"
                                        + " those callers include"));
    }
}
