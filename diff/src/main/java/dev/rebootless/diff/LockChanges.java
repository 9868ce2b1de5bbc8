package dev.rebootless.diff;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Which changed functions take or give back other locks and references than before. A task that
 * left the old function with a lock held, or that will enter the new one without, is nothing that a
 * tool can find; people can, if they are told where to look.
 *
 * <p>What is compared is how often a function calls what locks, unlocks, gets or puts, and how many
 * locked instructions it has, of which most reference counts are made. What is inlined counts where
 * it stands. The clones and cold parts of a function count as that function. What a function that
 * the patch adds or removes does counts where it is called, so what only moves into it or out of it
 * is no difference for a function that calls it.
 */
final class LockChanges {
    /** How the count of locked instructions is called, as no symbol can be. */
    private static final String ATOMICS = "atomic instructions";

    /** The table of places of lock prefixes (arch/x86/include/asm/alternative.h, LOCK_PREFIX). */
    private static final String LOCK_PREFIXES = ".smp_locks";

    /**
     * Names with a word for it: mutex_lock, _raw_spin_unlock_irqrestore, rtnl_lock,
     * lock_sock_nested, __rcu_read_lock, __folio_lock, __srcu_read_unlock (include/linux/mutex.h,
     * spinlock_api_smp.h, rtnetlink.h, rcupdate.h, pagemap.h, srcu.h; include/net/sock.h), and
     * those of semaphores (include/linux/semaphore.h, rwsem.h, percpu-rwsem.h).
     */
    private static final Pattern LOCK =
            Pattern.compile(
                    "(.*_)?(lock|unlock|trylock)(_.*)?|(percpu_)?(down|up)(_(read|write|interruptible"
                            + "|killable|trylock|timeout)(_.*)?)?|downgrade_write|release_sock"
                            + "|complete(_all)?|wait_for_completion.*");

    /**
     * Names with get or put as first or last word: get_device, kobject_put, of_node_get,
     * try_module_get, __put_task_struct (include/linux/device.h, kobject.h, of.h, module.h,
     * sched/task.h); those of files, inodes and mounts (include/linux/file.h, fs.h, dcache.h,
     * mount.h, sched/mm.h); and what reports a bad count, which each refcount_t and kref calls
     * (include/linux/refcount.h).
     */
    private static final Pattern REFERENCE =
            Pattern.compile(
                    "_*(get|put|try_get)_.*|.*_(get|put)|fget(_raw)?|fput|dget_parent|dput|iput|igrab"
                            + "|mntget|mntput|mmput(_async)?|mmgrab|mmdrop|kernfs_(get|put)"
                            + "|refcount_warn_saturate|refcount_dec_.*|kref_.*|lockref_.*");

    /**
     * Names of that form that count nothing: copies from and to user space, room in messages, time,
     * random numbers, memory (include/linux/uaccess.h, asm/uaccess.h; net/netlink.h, skbuff.h,
     * seq_file.h; timekeeping.h; random.h; gfp.h), and lockdep's own.
     */
    private static final Pattern NEITHER =
            Pattern.compile(
                    "_*(get|put)_(user|unaligned|kernel|random|jiffies|option|options|free_page"
                            + "|free_pages|zeroed_page|seconds|cycles|cpu_cap|nohz|state_synchronize)"
                            + "(_.*)?|_*(nla|nlmsg|genlmsg|skb|seq|trace|ktime|rta|xdr|bitmap)_.*(get|put)"
                            + "|lockdep_.*|lock_is_held.*|.*sched_clock.*");

    private LockChanges() {}

    /** How often each function of a unit does each of these things. */
    private record Counts(
            SortedMap<String, SortedMap<String, Integer>> byFunction,
            Map<String, SortedMap<String, Integer>> calls) {
        static Counts of(ObjectModel model, Set<String> functions) {
            SortedMap<String, SortedMap<String, Integer>> counts = new TreeMap<>();
            Map<String, SortedMap<String, Integer>> calls = new HashMap<>();
            for (Item item : model.items()) {
                String function = function(item.name());
                if (!item.isFunction() || !functions.contains(function)) {
                    continue;
                }
                SortedMap<String, Integer> of =
                        counts.computeIfAbsent(function, f -> new TreeMap<>());
                for (Reference reference : model.references(item)) {
                    String called = called(reference);
                    if (counts(called)) {
                        of.merge(called, 1, Integer::sum);
                    }
                    if (functions.contains(called)
                            && !called.equals(function)
                            && model.architecture()
                                    .isBranch(
                                            item.section(),
                                            item.offset() + reference.offset(),
                                            reference.type())) {
                        calls.computeIfAbsent(function, f -> new TreeMap<>())
                                .merge(called, 1, Integer::sum);
                    }
                }
                int locked =
                        (int)
                                model.entries(item).stream()
                                        .filter(e -> e.table().section().equals(LOCK_PREFIXES))
                                        .count();
                if (locked > 0) {
                    of.merge(ATOMICS, locked, Integer::sum);
                }
            }
            return new Counts(counts, calls);
        }

        private static String called(Reference reference) {
            return switch (reference.target()) {
                case Target.External(var symbol, long _) -> symbol.name();
                case Target.InItem(Item item, long _, long place) ->
                        item.isFunction() && place == 0 ? function(item.name()) : "";
                case Target.Text _ -> "";
            };
        }

        boolean has(String function) {
            return byFunction.containsKey(function);
        }

        SortedMap<String, Integer> calls(String function) {
            return calls.getOrDefault(function, Collections.emptySortedMap());
        }

        /**
         * How often a function does it, with what it calls of those that the other object has not.
         * What calls itself counts once.
         *
         * @param known results so far, of this thing
         */
        int count(String function, String what, Counts other, Map<String, Integer> known) {
            Integer before = known.putIfAbsent(function, 0);
            if (before != null) {
                return before;
            }
            SortedMap<String, Integer> of = byFunction.get(function);
            long count = of == null ? 0 : of.getOrDefault(what, 0);
            for (Map.Entry<String, Integer> call : calls(function).entrySet()) {
                if (!other.has(call.getKey())) {
                    count += (long) call.getValue() * count(call.getKey(), what, other, known);
                }
            }
            int result = (int) Math.min(count, Integer.MAX_VALUE);
            known.put(function, result);
            return result;
        }

        /**
         * The functions to speak of: those that both objects have, and what this one alone has and
         * none of those calls.
         */
        Set<String> roots(Counts other) {
            Set<String> roots = new TreeSet<>(byFunction.keySet());
            Deque<String> open = new ArrayDeque<>(roots);
            open.removeIf(f -> !other.has(f));
            Set<String> seen = new HashSet<>(open);
            while (!open.isEmpty()) {
                for (String called : calls(open.remove()).keySet()) {
                    if (!other.has(called) && seen.add(called)) {
                        roots.remove(called);
                        open.add(called);
                    }
                }
            }
            return roots;
        }

        Set<String> things() {
            Set<String> things = new TreeSet<>();
            byFunction.values().forEach(of -> things.addAll(of.keySet()));
            return things;
        }
    }

    private static boolean counts(String called) {
        return (LOCK.matcher(called).matches() || REFERENCE.matcher(called).matches())
                && !NEITHER.matcher(called).matches();
    }

    private static String function(String name) {
        return Names.sourceFunction(Names.hotPart(name));
    }

    /**
     * A sentence for each changed function that does.
     *
     * @param changed names of functions that both objects have and whose code differs
     * @param added names of functions that only the patched object has
     * @param removed names of functions that only the original has
     */
    static List<String> of(
            ObjectModel original,
            ObjectModel patched,
            List<String> changed,
            List<String> added,
            List<String> removed) {
        Set<String> functions = new TreeSet<>();
        List.of(changed, added, removed)
                .forEach(names -> names.forEach(n -> functions.add(function(n))));
        Counts before = Counts.of(original, functions);
        Counts after = Counts.of(patched, functions);
        Set<String> things = new TreeSet<>(before.things());
        things.addAll(after.things());
        Set<String> roots = before.roots(after);
        roots.addAll(after.roots(before));
        SortedMap<String, List<String>> differences = new TreeMap<>();
        for (String thing : things) {
            Map<String, Integer> knownBefore = new HashMap<>();
            Map<String, Integer> knownAfter = new HashMap<>();
            for (String function : roots) {
                int was = before.count(function, thing, after, knownBefore);
                int is = after.count(function, thing, before, knownAfter);
                if (was != is) {
                    differences
                            .computeIfAbsent(function, f -> new ArrayList<>())
                            .add("%s %d times instead of %d".formatted(thing, is, was));
                }
            }
        }
        return differences.entrySet().stream().map(LockChanges::sentence).toList();
    }

    private static String sentence(Map.Entry<String, List<String>> function) {
        return function.getKey()
                + ": it locks, or counts references, otherwise than before ("
                + String.join(", ", function.getValue())
                + "); see that nothing that a task holds when it comes from the old code is missed or"
                + " given back twice by the new";
    }
}
