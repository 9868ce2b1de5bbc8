package dev.rebootless.diff;

import dev.rebootless.base.Problem;
import dev.rebootless.elf.ElfSymbol;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Which items of the patched object move into the livepatch: the changed functions with their cold
 * parts, and, along the references, what is new and what the compiler made. Everything else stays
 * where it is in the running kernel.
 */
final class Selection {
    private final Correlation correlation;
    private final ObjectModel patched;
    private final Map<String, Item> functions = new HashMap<>();
    private final Map<Item, List<Item>> coldParts = new HashMap<>();
    private final Map<Item, Item> replaced = new LinkedHashMap<>();
    private final CopiedFunctions copies;

    /**
     * Patched functions that the original has as well, and that carried code calls in the module.
     */
    private final Set<Item> inModule = new LinkedHashSet<>();

    private final Set<Item> carried = new LinkedHashSet<>();
    private final List<Problem> refusals = new ArrayList<>();

    private Selection(ObjectModel patched, Correlation correlation, CopiedFunctions copies) {
        this.patched = patched;
        this.correlation = correlation;
        this.copies = copies;
        for (Item item : patched.items()) {
            if (item.isFunction()) {
                item.symbols().forEach(s -> functions.putIfAbsent(s.name(), item));
            }
        }
        for (Item item : patched.items()) {
            if (item.isFunction() && Names.isCold(item.name())) {
                coldParts.computeIfAbsent(hotPart(item), k -> new ArrayList<>()).add(item);
            }
        }
    }

    /**
     * Where new data may be: sections whose content the module loader treats as it must be. Of the
     * per-CPU sections it knows {@code .data..percpu} alone (kernel/module/main.c, find_pcpusec); a
     * variable in {@code .data..percpu..read_mostly} would be one for all CPUs, at a wild address.
     */
    static final List<String> DATA_SECTIONS =
            List.of(
                    ".data",
                    ".bss",
                    ".rodata",
                    ".data.once",
                    // Its name since 6.12 (include/linux/once_lite.h).
                    ".data..once",
                    ".data..percpu",
                    ".data..read_mostly",
                    ".data..cacheline_aligned",
                    ".data..ro_after_init",
                    ".data.unlikely",
                    ".bss.unlikely",
                    ".data.rel.ro",
                    ".data.rel",
                    ".data.rel.local",
                    ".data.rel.ro.local",
                    "__dyndbg");

    /**
     * Selects, starting from the changed functions.
     *
     * @param changed original to patched function, whichever part of it changed
     * @param copies which of them are carried beside their callers instead of being replaced
     * @param wanted names of new global items that other units need
     */
    static Selection of(
            ObjectModel patched,
            Correlation correlation,
            Map<Item, Item> changed,
            CopiedFunctions copies,
            Set<String> wanted) {
        Selection selection = new Selection(patched, correlation, copies);
        Deque<Item> work = new ArrayDeque<>();
        Map<Item, Item> moving = new LinkedHashMap<>(changed);
        moving.putAll(copies.copied());
        moving.putAll(copies.replaced());
        selection.inModule.addAll(copies.copied().values());
        moving.forEach((ours, theirs) -> {
            Item hot = selection.hotPart(theirs);
            correlation
                    .originalOf(hot)
                    .filter(o -> !copies.copied().containsKey(o))
                    .ifPresent(o -> selection.replaced.put(o, hot));
            selection.carryFamily(hot, work);
        });
        for (Item item : patched.items()) {
            if (isWanted(item, wanted) && correlation.originalOf(item).isEmpty()) {
                // What a unit may define anew is decided as for a reference of its own.
                selection.follow(
                        item, new Reference(0, 0, new Target.InItem(item, 0, 0), false), work);
            }
        }
        while (!work.isEmpty()) {
            Item item = work.remove();
            for (Reference reference : patched.references(item)) {
                selection.follow(item, reference, work);
            }
            for (Entry entry : patched.entries(item)) {
                for (Reference reference : entry.references()) {
                    if (!entry.isUnused(reference)) {
                        selection.follow(item, reference, work);
                    }
                }
            }
        }
        return selection;
    }

    private static boolean isWanted(Item item, Set<String> wanted) {
        return item.symbols().stream().anyMatch(s -> !s.isLocal() && wanted.contains(s.name()));
    }

    /**
     * The function that a rarely executed part was cut from; the function itself where it is no
     * such part.
     */
    Item hotPart(Item item) {
        if (!item.isFunction() || !Names.isCold(item.name())) {
            return item;
        }
        String hot = Names.hotPart(item.name());
        return functions.getOrDefault(hot, item);
    }

    private void carryFamily(Item hot, Deque<Item> work) {
        carry(hot, work);
        coldParts.getOrDefault(hot, List.of()).forEach(cold -> carry(cold, work));
    }

    private void carry(Item item, Deque<Item> work) {
        if (carried.add(item)) {
            work.add(item);
        }
    }

    private void follow(Item from, Reference reference, Deque<Item> work) {
        if (!(reference.target() instanceof Target.InItem(Item to, long displacement, long place))
                || carried.contains(to)) {
            return;
        }
        switch (to.kind()) {
            case LITERAL -> carry(to, work);
            case FRAGMENT -> {
                if (to.section().name().startsWith(".text")
                        && !patched.architecture().hasReplacementsInText()) {
                    refuse(
                            "RBL-CODE-REFERENCE",
                            from.name(),
                            "it uses code that an asm statement of the file puts into "
                                    + to.section().name()
                                    + " without telling its name and size",
                            "report it with the patch; such code cannot be moved");
                } else {
                    carry(to, work);
                }
            }
            case FUNCTION -> {
                if (correlation.originalOf(to).isEmpty()) {
                    Item hot = hotPart(to);
                    if (!Comparison.sectionClass(hot).equals(Comparison.ORDINARY_CODE)) {
                        refuse(
                                "RBL-SECTION-UNPATCHABLE",
                                hot.name(),
                                "a new function in section "
                                        + hot.section().name()
                                        + ", whose meaning cannot be given to a livepatch",
                                "leave out attributes such as __kprobes, noinstr, __sched and __init");
                    }
                    carryFamily(hot, work);
                } else if (place == 0 && isDeadEnd(from, reference, to)) {
                    inModule.add(to);
                    carryFamily(to, work);
                } else if (place != 0) {
                    refuse(
                            "RBL-CODE-REFERENCE",
                            from.name(),
                            "it points into the middle of " + to.name() + ", which stays as it is",
                            "report it with the patch; such code cannot be moved");
                }
            }
            case DATA -> {
                if (place == 0 && liesBehindAnother(to)) {
                    refuse(
                            "RBL-DATA-BOUNDARY",
                            from.name(),
                            "it cannot be told whether it points at "
                                    + to.name()
                                    + " or just behind "
                                    + patched.endsAt(to).map(Item::name).orElse("")
                                    + ", and the two do not stay together ("
                                    + to.section().name()
                                    + ")",
                            "put the new variable into an ordinary data section (no __read_mostly and the"
                                    + " like), where each has a section of its own");
                } else {
                    followData(from, to, work);
                }
            }
        }
    }

    /**
     * Whether it is the call of an unchanged static function that does not return. objtool sees
     * that of functions in the same object alone (tools/objtool/check.c, __dead_end_function), and
     * where it does not, takes the caller to go on behind the call, where there may be nothing. So
     * such functions, which end in a trap, are carried as well.
     */
    private boolean isDeadEnd(Item from, Reference reference, Item to) {
        return Routing.isCall(patched, from, reference)
                && correlation.originalOf(to).filter(copies::isOnlyCalled).isPresent()
                && to.symbols().stream().allMatch(ElfSymbol::isLocal)
                && Comparison.sectionClass(to).equals(Comparison.ORDINARY_CODE)
                && !replaced.containsValue(to)
                && !Names.isCold(to.name())
                && Routing.neverLeaves(patched, to)
                && coldParts.getOrDefault(to, List.of()).stream()
                        .allMatch(cold -> Routing.neverLeaves(patched, cold));
    }

    /**
     * The template of the per-CPU variables, which the loader copies without relocating it, since
     * it takes the section for one that is not loaded (kernel/module/main.c, layout_and_allocate
     * and apply_relocations).
     */
    private static final String PER_CPU = ".data..percpu";

    /** A variable up to this size is no array whose end a loop would look at. */
    private static final long SCALAR_BYTES = 8;

    /**
     * Whether the first byte of an item is also the end of the one before, so that an assembler's
     * section and offset may mean either, and it matters which: unless both stay in the kernel,
     * side by side as the original had them.
     */
    private boolean liesBehindAnother(Item item) {
        Item before = patched.endsAt(item).orElse(null);
        if (before == null
                || item.isGlobal()
                || before.isGlobal()
                || before.symbols().isEmpty()
                || before.size() <= SCALAR_BYTES
                // Single descriptors of pr_debug(), which no loop of a unit walks through.
                || item.section().name().equals("__dyndbg")) {
            return false;
        }
        Item here = correlation.originalOf(item).orElse(null);
        Item there = correlation.originalOf(before).orElse(null);
        return here == null
                || there == null
                || here.section() != there.section()
                || here.offset() != there.end();
    }

    private void followData(Item from, Item to, Deque<Item> work) {
        if (correlation.originalOf(to).isPresent()) {
            return;
        }
        String section = Comparison.sectionClass(to);
        if (to.symbols().isEmpty()) {
            refuse(
                    "RBL-ANONYMOUS-DATA",
                    from.name(),
                    "it uses writable data without a name in " + to.section().name(),
                    "report it with the patch; its place in the running kernel cannot be told");
        } else if (correlation.isAmbiguous(to)
                && to.size() > 0
                && !Names.isMessageLimiter(to.name())) {
            refuse(
                    "RBL-STATIC-UNPAIRED",
                    to.name(),
                    "it cannot be told which static variable of the original it is, or whether it is a new one, in "
                            + from.name(),
                    "give the new variable a name that the function does not use yet");
        } else if (!DATA_SECTIONS.contains(section)) {
            refuse(
                    "RBL-SECTION",
                    to.name(),
                    "new data in section "
                            + to.section().name()
                            + " cannot be carried in a livepatch",
                    "define it in an ordinary data section");
        } else if (section.equals(PER_CPU) && !patched.references(to).isEmpty()) {
            refuse(
                    "RBL-SECTION",
                    to.name(),
                    "the initial value of a new per-CPU variable holds an address, and the module loader fills in"
                            + " none in "
                            + section,
                    "set it when it is first used");
        } else {
            carry(to, work);
        }
    }

    private void refuse(String code, String place, String message, String remedy) {
        Problem problem = new Problem(code, place, message, remedy);
        if (!refusals.contains(problem)) {
            refusals.add(problem);
        }
    }

    /** Original function to the patched one that replaces it. */
    Map<Item, Item> replaced() {
        return java.util.Collections.unmodifiableMap(replaced);
    }

    /** What is carried beside its callers although the original has it, by that. */
    CopiedFunctions copies() {
        return copies;
    }

    /** What moves, in the order in which it was found. */
    Set<Item> carried() {
        return java.util.Collections.unmodifiableSet(carried);
    }

    /** Whether an item of the patched object has none in the original. */
    boolean isNew(Item item) {
        return correlation.originalOf(item).isEmpty();
    }

    /** What an item of the patched object is in the original. */
    Optional<Item> originalOf(Item item) {
        return correlation.originalOf(item);
    }

    List<Problem> refusals() {
        return List.copyOf(refusals);
    }

    /**
     * The item of the original that a reference must point at, or empty if it points at what is
     * carried. The address of a replaced function is the original's: ftrace routes the call,
     * nothing dangles after the livepatch is gone, and comparisons of pointers hold. A place inside
     * a carried function (a label, the target of a jump table, a cold part) is always in its new
     * body, and so is all of one that no call is routed to.
     */
    Optional<Item> staysAt(Target.InItem target) {
        Item to = target.item();
        if (inModule.contains(to)) {
            return Optional.empty();
        }
        boolean inBody =
                to.isFunction()
                        && carried.contains(to)
                        && (target.place() != 0 || Names.isCold(to.name()));
        return inBody ? Optional.empty() : correlation.originalOf(to);
    }
}
