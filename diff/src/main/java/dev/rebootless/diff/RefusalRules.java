package dev.rebootless.diff;

import dev.rebootless.base.Problem;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which of the differences between two compilations of a unit a livepatch cannot bring, each with
 * its reason.
 */
final class RefusalRules {
    /** As {@link Comparison#sectionClass} names it (include/asm-generic/vmlinux.lds.h). */
    private static final String CPU_IDLE = ".cpuidle.text";

    private final ObjectModel original;
    private final ObjectModel patched;
    private final Correlation correlation;
    private final Set<Problem> refusals = new LinkedHashSet<>();

    RefusalRules(ObjectModel original, ObjectModel patched, Correlation correlation) {
        this.original = original;
        this.patched = patched;
        this.correlation = correlation;
    }

    /**
     * Every refusal.
     *
     * @param known what is refused already; what one names is not refused for less
     * @param selection what moves
     * @param changedData variables and constants that differ, by those of the original
     * @param changedTables content without a name that differs
     */
    Set<Problem> of(
            Set<Problem> known,
            Selection selection,
            Map<Item, Item> changedData,
            List<ElfSection> changedTables) {
        refusals.addAll(known);
        selection.replaced().forEach(this::checkReplaceable);
        changedData.forEach(this::refuseChangedData);
        correlation.movedNames().forEach(this::refuseMovedName);
        patched.items().stream()
                .filter(i -> correlation.originalOf(i).isEmpty())
                .filter(i -> !selection.carried().contains(i))
                .forEach(i -> checkTableEntry(i, "new"));
        original.items().stream()
                .filter(i -> correlation.patchedOf(i).isEmpty())
                .forEach(i -> checkTableEntry(i, "removed"));
        changedTables.forEach(this::refuseTable);
        selection.carried().forEach(i -> checkOnceGuards(i, selection));
        checkComparedStrings(selection);
        checkUnknownSections(selection);
        return refusals;
    }

    /**
     * Code may rely on an alignment. Only where a variable has a section of its own is it known
     * what was asked for.
     */
    boolean isAlignedMore(Item ours, Item theirs) {
        return hasOwnSection(original, ours)
                && hasOwnSection(patched, theirs)
                && theirs.section().alignment() > ours.section().alignment();
    }

    private static boolean hasOwnSection(ObjectModel model, Item item) {
        return item.offset() == 0
                && item.size() > 0
                && model.object().symbolsIn(item.section()).stream()
                        .allMatch(s -> s.isSectionSymbol() || s.value() == 0);
    }

    /** A variable or constant with a name and content. */
    static boolean countsAsData(Item item) {
        return item.kind() == ItemKind.DATA && !item.symbols().isEmpty() && item.size() > 0;
    }

    private void refuse(String code, Item item, String message, String remedy) {
        refusals.add(new Problem(code, item.name(), message, remedy));
    }

    /** Code that ftrace cannot route, or that is gone when the livepatch comes. */
    private void checkReplaceable(Item ours, Item theirs) {
        String section = ours.section().name();
        if (section.startsWith(".init.")
                || section.startsWith(".exit.")
                || section.startsWith(".head.")
                || theirs.section().name().startsWith(".init.")) {
            refuse(
                    "RBL-INIT-CHANGED",
                    ours,
                    section.startsWith(".exit.")
                            ? "the function runs only when its module goes, or the kernel stops, and ftrace cannot route"
                                    + " it ("
                                    + section
                                    + ")"
                            : "the function runs only while the kernel starts (" + section + ")",
                    "leave it out of the patch; for the next boot use the fixed kernel");
            return;
        }
        for (String fixed :
                List.of(
                        ".noinstr.text",
                        ".entry.text",
                        ".kprobes.text",
                        ".irqentry.text",
                        ".softirqentry.text",
                        ".static_call.text")) {
            if (section.equals(fixed) || section.startsWith(fixed + ".")) {
                refuse(
                        "RBL-SECTION-UNPATCHABLE",
                        ours,
                        "code in " + fixed + " runs where ftrace must not",
                        "patch the functions that call it, or that it calls");
                return;
            }
        }
        String before = Comparison.sectionClass(ours);
        String after = Comparison.sectionClass(theirs);
        if (!before.equals(after) && !onlyIdles(before, after, theirs)) {
            refuse(
                    "RBL-SECTION-UNPATCHABLE",
                    ours,
                    "it moves from section "
                            + section
                            + " to "
                            + theirs.section().name()
                            + ", and what that means to the kernel cannot be given to a livepatch",
                    "leave attributes such as __kprobes, noinstr and __sched as they are");
            return;
        }
        // A unit without any was not compiled for ftrace. Of one in a kernel `build` asks the
        // image.
        if (!Routing.isTraceable(original, ours)
                && original.items().stream().anyMatch(i -> Routing.isTraceable(original, i))) {
            refuse(
                    "RBL-NO-FENTRY",
                    ours,
                    "the function has no call of __fentry__ that ftrace could use to route it (notrace, or inlined"
                            + " everywhere); it is used by: "
                            + callers(ours),
                    "patch the functions that call it instead");
        }
    }

    /**
     * A function that becomes {@code __cpuidle}, or no longer is, and that ftrace may act in: the
     * section only tells a backtrace which processors idle (kernel/sched/idle.c, cpu_in_idle).
     * Where it also means that nothing may instrument the function (include/linux/compiler_types.h,
     * __noinstr_section), the function has no call of ftrace.
     */
    private boolean onlyIdles(String before, String after, Item theirs) {
        List<String> harmless = List.of(Comparison.ORDINARY_CODE, CPU_IDLE);
        return harmless.contains(before)
                && harmless.contains(after)
                && Routing.isTraceable(patched, theirs);
    }

    private String callers(Item callee) {
        Set<String> names = new TreeSet<>();
        for (Item item : original.items()) {
            for (Reference reference : original.references(item)) {
                if (reference.target() instanceof Target.InItem(Item to, long d, long p)
                        && to == callee
                        && item != callee
                        && item.isFunction()) {
                    names.add(item.name());
                }
            }
        }
        return names.isEmpty() ? "nothing in this unit" : String.join(", ", names);
    }

    private void refuseChangedData(Item ours, Item theirs) {
        String section = ours.section().name();
        if (section.startsWith(".init.")) {
            refuse(
                    "RBL-INIT-CHANGED",
                    ours,
                    "data that only the starting kernel uses has changed (" + section + ")",
                    "leave it out of the patch: it has no effect on a running kernel");
        } else if (isExport(section)) {
            refuse(
                    "RBL-EXPORT-CHANGED",
                    ours,
                    "the exported symbols have changed",
                    "leave EXPORT_SYMBOL lines as they are");
        } else if (ours.size() != theirs.size()) {
            refuse(
                    "RBL-DATA-CHANGED",
                    ours,
                    "its size changes from "
                            + ours.size()
                            + " to "
                            + theirs.size()
                            + " bytes, but the running kernel's own copy stays in use",
                    "leave the variable as it is and add a new one, or set it from the patched code");
        } else if (isAlignedMore(ours, theirs)) {
            refuse(
                    "RBL-DATA-CHANGED",
                    ours,
                    "its alignment changes from "
                            + ours.section().alignment()
                            + " to "
                            + theirs.section().alignment()
                            + " bytes, but the running kernel's own copy stays where it is",
                    "leave the variable as it is and add a new one");
        } else {
            refuse(
                    "RBL-DATA-CHANGED",
                    ours,
                    "its initial content or kind changes, but the running kernel's own copy stays in use ("
                            + section
                            + ")",
                    "leave the initial value as it is and let the patched code set or use another value");
        }
    }

    /** ftrace routes addresses, not names: who calls the alias calls what it stood for. */
    private void refuseMovedName(String name) {
        refusals.add(
                new Problem(
                        "RBL-ALIAS-CHANGED",
                        name,
                        "the name stands for another function or variable than in the original",
                        "leave aliases as they are and change the functions they stand for"));
    }

    /**
     * What EXPORT_SYMBOL writes (include/linux/export.h, export-internal.h): until 6.4 the entry of
     * the kernel's table itself, since then what modpost makes it from.
     */
    private static boolean isExport(String section) {
        return section.contains("ksymtab")
                || section.startsWith("__kcrctab")
                || section.equals(".export_symbol");
    }

    /** Named things that come or go, and that only a starting kernel or module takes notice of. */
    private void checkTableEntry(Item item, String what) {
        String section = item.section().name();
        if (item.kind() != ItemKind.DATA || !countsAsData(item)) {
            return;
        }
        if (isExport(section)) {
            refuse(
                    "RBL-EXPORT-CHANGED",
                    item,
                    "a " + what + " export",
                    "leave EXPORT_SYMBOL lines as they are");
        } else if (section.startsWith(".initcall")
                || section.startsWith(".con_initcall")
                || section.startsWith(".init.setup")) {
            refuse(
                    "RBL-INITCALL",
                    item,
                    "a " + what + " initialisation call",
                    "call it from a patched function instead");
        } else if (section.equals("__param")) {
            refuse(
                    "RBL-PARAM",
                    item,
                    "a " + what + " module parameter",
                    "use a variable with a fixed value");
        } else if (section.startsWith("__tracepoints")
                || section.startsWith("_ftrace_events")
                || section.startsWith("__syscalls_metadata")
                || section.startsWith("__bpf_raw_tp_map")) {
            refuse(
                    "RBL-TRACEPOINT",
                    item,
                    "a " + what + " tracepoint or system call (" + section + ")",
                    "leave it out: only a starting kernel registers those");
        } else if (!isOrdinaryData(item) && !isRefused(item)) {
            refuse(
                    "RBL-TABLE-CHANGED",
                    item,
                    "a "
                            + what
                            + " entry in section "
                            + section
                            + ", which a livepatch can neither add to nor take from",
                    "leave it out of the patch, or reboot into the fixed kernel");
        }
    }

    private boolean isRefused(Item item) {
        return refusals.stream().anyMatch(p -> p.place().equals(item.name()));
    }

    /** Variables and constants: unused new ones are left out, and removed ones just stay. */
    private static boolean isOrdinaryData(Item item) {
        String section = item.section().name();
        return Selection.DATA_SECTIONS.contains(Comparison.sectionClass(item))
                || section.startsWith(".data.")
                || section.startsWith(".bss.")
                || section.startsWith(".init.data")
                || section.startsWith(".init.rodata");
    }

    private void refuseTable(ElfSection section) {
        refusals.add(
                new Problem(
                        "RBL-TABLE-CHANGED",
                        section.name(),
                        "its content changes, which no code of the file refers to: the kernel has read it"
                                + " when it started",
                        "leave it out of the patch, or reboot into the fixed kernel"));
    }

    /**
     * DO_ONCE() (include/linux/once.h) initialises once in the life of the kernel. Its guard keeps
     * its state, so what it would now initialise besides, if that is new, would stay as it is.
     */
    private void checkOnceGuards(Item item, Selection selection) {
        boolean guarded = false;
        boolean usesNewData = false;
        for (Reference reference : patched.references(item)) {
            if (reference.target() instanceof Target.InItem(Item to, long d, long place)
                    && to.kind() == ItemKind.DATA) {
                boolean isNew = selection.carried().contains(to);
                guarded |= !isNew && Names.isOnceGuard(to.name());
                usesNewData |=
                        isNew
                                && countsAsData(to)
                                && to.section().isWritable()
                                && !Names.isMessageLimiter(to.name())
                                && !to.section().name().equals("__dyndbg");
            }
        }
        if (item.isFunction() && guarded && usesNewData) {
            refuse(
                    "RBL-ONCE-DONE",
                    item,
                    "it initialises something once (DO_ONCE, get_random_once), the running kernel may have"
                            + " done that already, and the function uses new data, which would never be"
                            + " initialised",
                    "initialise the new data in another way, or keep using the old");
        }
    }

    /**
     * A livepatch has copies of the strings that its code uses. Where code tells by its address
     * whether a pointer is a certain string (a {@code static const char *} with an initial value,
     * which the compiler knows never to change), the copy is another: what the original stored is
     * not known again, and what the copy stores is not known to the original. zram frees such a
     * string then.
     */
    private void checkComparedStrings(Selection selection) {
        Map<String, Item> used = new LinkedHashMap<>();
        for (Item item : selection.carried()) {
            texts(patched, item).forEach(r -> used.putIfAbsent(characters(r), item));
        }
        Set<Item> refused = new LinkedHashSet<>();
        // The original's functions come back when the livepatch goes.
        for (ObjectModel model : List.of(patched, original)) {
            model.items().stream()
                    .filter(Item::isFunction)
                    .forEach(i -> checkComparedStrings(model, i, used, selection, refused));
        }
    }

    private void checkComparedStrings(
            ObjectModel model,
            Item item,
            Map<String, Item> used,
            Selection selection,
            Set<Item> refused) {
        for (Reference reference : texts(model, item)) {
            Item user = used.get(characters(reference));
            if (user == null || !isCompared(model, item, reference)) {
                continue;
            }
            Item ours = selection.carried().contains(item) ? item : user;
            if (refused.add(ours)) {
                refuseComparedString(ours, item, characters(reference));
            }
        }
    }

    /** An item's references to strings. */
    private static List<Reference> texts(ObjectModel model, Item item) {
        return model.references(item).stream()
                .filter(r -> r.target() instanceof Target.Text)
                .toList();
    }

    private static String characters(Reference reference) {
        return reference.target() instanceof Target.Text text
                ? Strings.at(text.section(), text.offset())
                : "";
    }

    private static boolean isCompared(ObjectModel model, Item item, Reference reference) {
        return !reference.isResolved()
                && model.architecture()
                        .isCompared(
                                item.section(),
                                item.offset(),
                                item.offset() + item.size(),
                                item.offset() + reference.offset());
    }

    private void refuseComparedString(Item user, Item comparing, String text) {
        refuse(
                "RBL-STRING-IDENTITY",
                user,
                "%s compares a pointer with the address of \"%s\", a string of which a livepatch has a copy of its own: what"
                                .formatted(comparing.name(), text)
                        + " the running code keeps as that string would be taken for another, and the other way round",
                "leave the function out of the patch, or let the patched code neither compare nor keep the string's address");
    }

    /**
     * A table that is not known, and that points into code that moves, would be wrong afterwards:
     * its entry would still describe the original.
     */
    private void checkUnknownSections(Selection selection) {
        for (Item item : patched.items()) {
            if (item.isFunction()
                    || item.kind() == ItemKind.FRAGMENT
                    || selection.carried().contains(item)) {
                continue;
            }
            for (Reference reference : patched.references(item)) {
                if (reference.target() instanceof Target.InItem in && isInside(in)) {
                    checkUnknownReference(item.section(), in.item(), selection);
                }
            }
        }
        for (ElfSection section : patched.object().sections()) {
            if (section.isAllocated()
                    || patched.architecture().table(section.name()).isPresent()
                    || section.name().startsWith(".debug")
                    || section.name().startsWith(".rela.debug")
                    || section.name().startsWith(".stab")
                    || section.name().startsWith(".gnu.lto")) {
                continue;
            }
            for (ElfRelocation relocation : patched.object().relocations(section)) {
                if (patched.target(section, relocation) instanceof Target.InItem in) {
                    checkUnknownReference(section, in.item(), selection);
                }
            }
        }
    }

    /** False for the address of a function as a whole, which stays the original's. */
    private static boolean isInside(Target.InItem target) {
        Item to = target.item();
        return to.kind() == ItemKind.FRAGMENT
                || (to.isFunction() && (target.place() != 0 || Names.isCold(to.name())));
    }

    private void checkUnknownReference(ElfSection from, Item to, Selection selection) {
        boolean isCode = to.isFunction() || to.kind() == ItemKind.FRAGMENT;
        if (isCode && selection.carried().contains(to)) {
            refuse(
                    "RBL-SECTION-UNKNOWN",
                    to,
                    "section "
                            + from.name()
                            + " points into its code, and its meaning is not known",
                    "report it with the patch; the section has to be understood first");
        }
    }
}
