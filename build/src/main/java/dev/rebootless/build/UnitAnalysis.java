package dev.rebootless.build;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.Comparisons.MadeGlobal;
import dev.rebootless.diff.ChangeSet;
import dev.rebootless.diff.Extraction;
import dev.rebootless.diff.Extractor;
import dev.rebootless.diff.Item;
import dev.rebootless.diff.ObjectModel;
import dev.rebootless.diff.Verdict;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.kernel.KernelSymbol;
import dev.rebootless.kernel.ShippedCode;
import dev.rebootless.livepatch.LateReferences;
import dev.rebootless.livepatch.OtherUnits;
import dev.rebootless.livepatch.SymbolResolver;
import dev.rebootless.livepatch.UnitPatch;
import dev.rebootless.livepatch.runpre.Mismatch;
import dev.rebootless.livepatch.runpre.RunPre;
import dev.rebootless.livepatch.runpre.UnitMatch;
import dev.rebootless.source.compile.ObjectPair;
import dev.rebootless.source.compile.UnitCompiler;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Everything between a unit's two objects and its part of the livepatch: compare, prove, extract,
 * resolve.
 */
final class UnitAnalysis {
    private static final int CALLERS_NAMED = 8;

    /** The call of __fentry__ is a function's first instruction, behind ENDBR at most. */
    private static final int FENTRY_WITHIN = 8;

    private final KitKernel kernel;
    private final UnitCompiler compiler;
    private final boolean debug;

    UnitAnalysis(KitKernel kernel, UnitCompiler compiler, boolean debug) {
        this.kernel = kernel;
        this.compiler = compiler;
        this.debug = debug;
    }

    /**
     * A changed unit, ready to be linked.
     *
     * @param inside names that other units newly define and carry
     * @param madeGlobal what it newly uses that was static in another unit
     * @return empty if nothing of it has to move
     * @throws RebootlessException exit status 4 with all refusals
     */
    Optional<UnitPatch> analyse(
            ObjectPair pair,
            ChangeSet changes,
            Set<String> inside,
            Map<String, MadeGlobal> madeGlobal) {
        if (changes.verdict() == Verdict.REFUSED) {
            throw new RebootlessException(ExitStatus.REFUSED, changes.refusals());
        }
        Optional<VariableForm> form = form(pair, changes);
        form.ifPresent(VariableForm::requireSameChanges);
        if (changes.movesNothing()) {
            return Optional.empty();
        }
        ShippedCode code = kernel.code(pair.unit().target());
        UnitMatch match =
                require(changes, prove(pair, changes, form, changes.replacedCode(), code), code);
        requireFentry(changes, match, code);
        Extraction extraction = Extractor.extract(changes);
        form.ifPresent(f -> f.requireKnown(extraction, match));
        UnitPatch unit =
                new UnitPatch(
                        pair.unit().source(),
                        code.target(),
                        changes,
                        match,
                        extraction,
                        SymbolResolver.resolve(
                                extraction,
                                changes.original(),
                                match,
                                kernel,
                                code.target(),
                                new OtherUnits(inside, places(madeGlobal))));
        List<Problem> late = LateReferences.problems(unit);
        if (!late.isEmpty()) {
            throw new RebootlessException(ExitStatus.REFUSED, late);
        }
        return Optional.of(unit);
    }

    private static Optional<VariableForm> form(ObjectPair pair, ChangeSet changes) {
        return pair.shipped().map(shipped -> new VariableForm(pair, shipped, changes));
    }

    /**
     * Where the shipped kernel has what was static in another unit. A compiler may have fitted a
     * static function to its callers; then its code is another now that it is global, and it is
     * replaced, so that in either case calls through this address are right.
     */
    private Map<String, OtherUnits.ShippedPlace> places(Map<String, MadeGlobal> madeGlobal) {
        Map<String, OtherUnits.ShippedPlace> places = new LinkedHashMap<>();
        List<Problem> problems = new ArrayList<>();
        madeGlobal.forEach((name, made) -> {
            ObjectPair owner = made.owner();
            ShippedCode code = kernel.code(owner.unit().target());
            Optional<VariableForm> form = form(owner, made.changes());
            UnitMatch match =
                    prove(owner, made.changes(), form, Set.of(made.original()), code).match();
            OptionalLong address = match.address(made.original());
            if (address.isPresent() && match.mismatch(made.original()).isEmpty()) {
                places.put(name, new OtherUnits.ShippedPlace(code, address.getAsLong()));
            } else {
                problems.add(
                        new Problem(
                                "RBL-SYMBOL-UNKNOWN",
                                name,
                                "the patch makes it global, and the static one of "
                                        + owner.unit().source()
                                        + " could not be told in the shipped kernel",
                                "call it by way of a function of that file that the kernel has"));
            }
        });
        if (!problems.isEmpty()) {
            throw new RebootlessException(ExitStatus.REFUSED, problems);
        }
        return places;
    }

    /**
     * The run-pre proof. The object with a section for each function differs from the shipped code
     * where the assembler could shorten a jump between functions; what does not match is tried once
     * more in the shipped layout.
     */
    private Shown prove(
            ObjectPair pair,
            ChangeSet changes,
            Optional<VariableForm> form,
            Set<Item> items,
            ShippedCode code) {
        ObjectModel original = form.map(VariableForm::shipped).orElse(changes.original());
        Stream<Item> replaced = items.stream();
        List<Item> wanted =
                form.map(f -> replaced.flatMap(i -> f.shipped(i).stream()))
                        .orElse(replaced)
                        .toList();
        UnitMatch match = RunPre.match(original, code);
        ObjectModel shown = original;
        if (wanted.stream().anyMatch(i -> match.mismatch(i).isPresent())) {
            shown = ObjectModel.of(ElfReader.read(compiler.shippedLayout(pair.unit())));
            UnitMatch second = translated(RunPre.match(shown, code), shown, original);
            return new Shown(form.map(f -> f.bringOver(second)).orElse(second), shown);
        }
        return new Shown(form.map(f -> f.bringOver(match)).orElse(match), shown);
    }

    /** What was found of the original's items, and the object in whose layout it was. */
    private record Shown(UnitMatch match, ObjectModel layout) {}

    /**
     * What the shipped layout shows, in terms of the other's items: their names are the same, since
     * source and compiler are. Nothing is taken from the first layout's match: what the shipped
     * layout refutes, or leaves open, is not proven.
     */
    private static UnitMatch translated(
            UnitMatch match, ObjectModel shipped, ObjectModel original) {
        Map<String, Item> ours = uniqueNames(original);
        Map<Item, Long> addresses = new LinkedHashMap<>();
        Map<Item, Mismatch> mismatches = new LinkedHashMap<>();
        Map<String, Item> theirs = uniqueNames(shipped);
        ours.forEach((name, item) -> {
            Item twin = theirs.get(name);
            if (twin == null) {
                if (item.isFunction()) {
                    mismatches.put(
                            item,
                            new Mismatch(
                                    name,
                                    0,
                                    -1,
                                    "the unit has no such function as kbuild compiles it"));
                }
                return;
            }
            match.address(twin).ifPresent(address -> addresses.put(item, address));
            match.mismatch(twin).ifPresent(mismatch -> mismatches.put(item, mismatch));
        });
        return new UnitMatch(addresses, match.externals(), mismatches);
    }

    /** The items that alone bear their name in the unit. */
    private static Map<String, Item> uniqueNames(ObjectModel model) {
        Map<String, Item> unique = new LinkedHashMap<>();
        Set<String> repeated = new HashSet<>();
        for (Item item : model.items()) {
            if (!item.symbols().isEmpty() && unique.put(item.name(), item) != null) {
                repeated.add(item.name());
            }
        }
        unique.keySet().removeAll(repeated);
        return unique;
    }

    private UnitMatch require(ChangeSet changes, Shown found, ShippedCode shipped) {
        UnitMatch match = found.match();
        List<Problem> problems = new ArrayList<>();
        for (Item item : changes.replacedCode()) {
            Optional<Mismatch> mismatch = match.mismatch(item);
            if (mismatch.isEmpty() && match.address(item).isEmpty()) {
                mismatch =
                        Optional.of(
                                new Mismatch(
                                        item.name(),
                                        0,
                                        -1,
                                        "its place there could not be settled"));
            }
            if (mismatch.isPresent()) {
                String code =
                        debug
                                ? "\n"
                                        + Disassembly.sideBySide(
                                                shipped, found.layout(), mismatch.get())
                                : "";
                problems.add(
                        new Problem(
                                "RBL-RUN-PRE",
                                item.name(),
                                "its code, rebuilt from the unpatched source, is not the shipped code: "
                                        + mismatch.get().reason()
                                        + code,
                                "make sure that source, configuration and compiler are those of this kernel build"
                                        + " (rebootless kit show); --debug shows both disassemblies"));
            }
        }
        if (!problems.isEmpty()) {
            throw new RebootlessException(ExitStatus.REFUSED, problems);
        }
        return match;
    }

    /** The shipped table says which functions ftrace can route. */
    private static void requireFentry(ChangeSet changes, UnitMatch match, ShippedCode code) {
        List<Problem> problems = new ArrayList<>();
        for (Item item : changes.replaced().keySet()) {
            long address = match.address(item).orElseThrow();
            if (code.fentrySiteWithin(address, address + item.size()).isEmpty()) {
                problems.add(
                        new Problem(
                                "RBL-NO-FENTRY",
                                item.name(),
                                "ftrace cannot route the function: the shipped kernel has no call of __fentry__ in it; "
                                        + callers(code, address),
                                "patch the functions that call it instead"));
            }
        }
        if (!problems.isEmpty()) {
            throw new RebootlessException(ExitStatus.REFUSED, problems);
        }
    }

    /** Those in the same object that ftrace can route, which alone are of use. */
    private static String callers(ShippedCode code, long address) {
        List<String> callers =
                code.callers(address).stream()
                        .filter(caller -> !code.isInit(caller.address()))
                        .filter(caller ->
                                code.fentrySiteWithin(
                                                caller.address(), caller.address() + FENTRY_WITHIN)
                                        .isPresent())
                        .map(KernelSymbol::name)
                        .distinct()
                        .sorted()
                        .toList();
        return callers.isEmpty()
                ? "it is called through pointers, or from such functions alone"
                : "it is called by "
                        + String.join(", ", callers.stream().limit(CALLERS_NAMED).toList())
                        + (callers.size() > CALLERS_NAMED
                                ? " and " + (callers.size() - CALLERS_NAMED) + " more"
                                : "");
    }
}
