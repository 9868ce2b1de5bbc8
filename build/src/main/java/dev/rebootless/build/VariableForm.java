package dev.rebootless.build;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.diff.ChangeSet;
import dev.rebootless.diff.Extraction;
import dev.rebootless.diff.Item;
import dev.rebootless.diff.ObjectDiff;
import dev.rebootless.diff.ObjectModel;
import dev.rebootless.diff.SourceLines;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.livepatch.runpre.Mismatch;
import dev.rebootless.livepatch.runpre.UnitMatch;
import dev.rebootless.source.compile.ObjectPair;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A unit that goes into the module in another form than it was shipped in: the shipped code has
 * constants that the booting kernel wrote into it, the module's reads the variables ({@link
 * ObjectPair#shipped}). What the run-pre proof shows of the shipped form is brought over, and what
 * differs between the forms beyond those reads is refused where it matters.
 */
final class VariableForm {
    private final ChangeSet changes;

    /** The two originals compared: shipped form, and the module's. */
    private final ChangeSet forms;

    /** What the patch changes in the shipped form. */
    private final ChangeSet shippedChanges;

    /**
     * The items of the module's original in this class's reading of it, by those of the changes.
     */
    private final Map<Item, Item> read = new LinkedHashMap<>();

    VariableForm(ObjectPair pair, ObjectPair.Shipped shipped, ChangeSet changes) {
        this.changes = changes;
        this.forms =
                ObjectDiff.compare(
                        ElfReader.read(shipped.original()),
                        ElfReader.read(pair.original()),
                        SourceLines.ARE_PINNED);
        this.shippedChanges =
                ObjectDiff.compare(
                        ElfReader.read(shipped.original()),
                        ElfReader.read(shipped.patched()),
                        SourceLines.ARE_PINNED);
        // One file, cut in one way: the n-th item is the n-th item.
        List<Item> ours = changes.original().items();
        List<Item> theirs = forms.patched().items();
        for (int i = 0; i < ours.size(); i++) {
            read.put(ours.get(i), theirs.get(i));
        }
    }

    /** The original as shipped. */
    ObjectModel shipped() {
        return forms.original();
    }

    /** What an item of the module's original is in the shipped form, where it can be told. */
    Optional<Item> shipped(Item item) {
        return Optional.ofNullable(read.get(item)).flatMap(forms::originalOf);
    }

    /**
     * Makes sure that all which the patch changes in the shipped form is replaced: where gcc
     * inlines a changed function in the one form and not in the other, a copy of the old code would
     * stay.
     *
     * @throws RebootlessException exit status 4 {@code RBL-RUNTIME-CONSTANT}
     */
    void requireSameChanges() {
        Set<String> left = new HashSet<>(shippedChanges.changed());
        left.removeAll(changes.changed());
        refuse(
                left.stream()
                        .sorted()
                        .map(name ->
                                problem(
                                        name,
                                        "the patch changes it in the kernel as shipped, but not in the form that a"
                                                + " module needs, where gcc inlines other functions"))
                        .toList());
    }

    /** The proof of the shipped form, in terms of the module's. */
    UnitMatch bringOver(UnitMatch match) {
        Map<Item, Long> addresses = new LinkedHashMap<>();
        Map<Item, Mismatch> mismatches = new LinkedHashMap<>();
        for (Item item : changes.original().items()) {
            Optional<Item> twin = shipped(item);
            if (item.isFunction() && !sameName(item, twin)) {
                mismatches.put(
                        item,
                        new Mismatch(
                                item.name(),
                                0,
                                -1,
                                "the kernel as shipped, with constants written into its code, has no such"
                                        + " function"));
                continue;
            }
            twin.ifPresent(t -> {
                match.address(t).ifPresent(address -> addresses.put(item, address));
                match.mismatch(t).ifPresent(mismatch -> mismatches.put(item, mismatch));
            });
        }
        return new UnitMatch(addresses, match.externals(), mismatches);
    }

    private static boolean sameName(Item item, Optional<Item> twin) {
        return twin.isPresent() && twin.get().name().equals(item.name());
    }

    /**
     * Makes sure that what the module refers to is not taken for something else: gcc numbers static
     * variables, and the numbers may differ between the forms.
     *
     * @throws RebootlessException exit status 4 {@code RBL-RUNTIME-CONSTANT}
     */
    void requireKnown(Extraction extraction, UnitMatch match) {
        List<Problem> problems = new ArrayList<>();
        for (ElfSymbol symbol : extraction.originals().values()) {
            Optional<Item> item = changes.original().item(symbol);
            boolean known =
                    !symbol.isLocal()
                            || item.filter(i -> match.address(i).isPresent()).isPresent()
                            || item.filter(i -> sameName(i, shipped(i))).isPresent();
            if (!known) {
                problems.add(
                        problem(
                                symbol.name(),
                                "it cannot be told which variable or function of the shipped kernel it is"));
            }
        }
        refuse(problems);
    }

    private static Problem problem(String place, String message) {
        return new Problem(
                "RBL-RUNTIME-CONSTANT",
                place,
                message,
                "move the change to a function that uses no constants written at boot (access_ok, the dentry"
                        + " hash), or reboot into the fixed kernel");
    }

    private static void refuse(List<Problem> problems) {
        if (!problems.isEmpty()) {
            throw new RebootlessException(ExitStatus.REFUSED, problems);
        }
    }
}
