package dev.rebootless.kernel.log;

import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What the kernel prints when something is wrong, each with the file of the kernel that prints it.
 * The order matters: the first that fits a line names it. None of these stands in the log of a
 * healthy boot, also not with a livepatch: that one is allowed its "loading out-of-tree module
 * taints kernel", "module verification failed: signature and/or required key missing" and "tainting
 * kernel with TAINT_LIVEPATCH" (kernel/module/main.c, kernel/livepatch/core.c).
 */
enum Symptom {
    PANIC("panic", "kernel/panic.c", "Kernel panic - not syncing", Then.NOTHING_WORKS),
    PAGE_FAULT(
            "oops",
            "arch/x86/mm/fault.c",
            "BUG: (unable to handle|kernel NULL pointer dereference|supervisor )",
            Then.NOTHING_WORKS),
    KERNEL_BUG("bug", "lib/bug.c", "kernel BUG at ", Then.NOTHING_WORKS),
    /** In the kernel; that of a user's program has no punctuation after it. */
    GENERAL_PROTECTION(
            "general-protection-fault",
            "arch/x86/kernel/traps.c",
            "general protection fault[,:] ",
            Then.NOTHING_WORKS),
    CONTROL_PROTECTION(
            "control-protection-fault",
            "arch/x86/kernel/traps.c",
            "Missing ENDBR|#CP\\(|Unexpected #CP",
            Then.NOTHING_WORKS),
    STACK_OVERFLOW(
            "stack-overflow",
            "arch/x86/kernel/traps.c",
            "stack guard page was hit|PANIC: double fault",
            Then.NOTHING_WORKS),
    RETURN_THUNK(
            "unpatched-return-thunk",
            "arch/x86/kernel/cpu/bugs.c",
            "Unpatched return thunk",
            Then.REPORT_FOLLOWS),
    /** Before 6.18 "CPU: N PID: N at", then the place itself. */
    WARNING(
            "warning",
            "kernel/panic.c",
            "WARNING: (CPU: \\d+ PID: \\d+ at |\\S+:\\d+ at )",
            Then.REPORT_FOLLOWS),
    SOFT_LOCKUP("soft-lockup", "kernel/watchdog.c", "BUG: soft lockup", Then.REPORT_FOLLOWS),
    HARD_LOCKUP(
            "hard-lockup",
            "kernel/watchdog_hld.c",
            "Watchdog detected hard LOCKUP",
            Then.NOTHING_WORKS),
    RCU_STALL(
            "rcu-stall",
            "kernel/rcu/tree_stall.h",
            "rcu: INFO: .*stall|rcu_\\w+ kthread (starved|timer wakeup)",
            Then.REPORT_FOLLOWS),
    HUNG_TASK(
            "hung-task",
            "kernel/hung_task.c",
            "INFO: task .* blocked for more than ",
            Then.REPORT_FOLLOWS),
    ATOMIC_SLEEP(
            "sleep-in-atomic",
            "kernel/sched/core.c",
            "BUG: (scheduling while atomic|sleeping function called)",
            Then.REPORT_FOLLOWS),
    BAD_PAGE(
            "bad-page", "mm/page_alloc.c", "BUG: Bad (page|rss-counter|swap)", Then.REPORT_FOLLOWS),
    OTHER_BUG("bug", "several", "\\bBUG: |BUG \\S+ \\(", Then.REPORT_FOLLOWS),
    /** The header that every die() prints: a text, the error code, a count. */
    OOPS("oops", "arch/x86/kernel/dumpstack.c", ": [0-9a-f]{4} \\[#\\d+\\]", Then.NOTHING_WORKS),
    LOCKDEP(
            "lockdep",
            "kernel/locking/lockdep.c",
            "WARNING: (possible|inconsistent|suspicious|bad unlock)",
            Then.REPORT_FOLLOWS),
    FTRACE(
            "ftrace",
            "kernel/trace/ftrace.c",
            "ftrace (failed to modify|faulted on)",
            Then.REPORT_FOLLOWS),
    STATIC_CALL(
            "static-call",
            "arch/x86/kernel/static_call.c",
            "unexpected static_call insn|trampoline signature fail",
            Then.REPORT_FOLLOWS),
    JUMP_LABEL(
            "jump-label",
            "arch/x86/kernel/jump_label.c",
            "jump_label: Fatal kernel bug",
            Then.NOTHING_WORKS),
    /**
     * The word for word messages of kernel/livepatch/core.c, patch.c and shadow.c that end an
     * operation.
     */
    LIVEPATCH(
            "livepatch",
            "kernel/livepatch/core.c",
            "livepatch: .*(failed|[Ff]ailed|not found|ambiguity|incorrectly formatted|invalid |not marked as a"
                    + " livepatch|not compatible|doesn't have support|may never complete|forcing remaining)",
            Then.NOTHING),
    /** A forced load has no CRCs to compare; kernel/module/version.c. */
    MODULE_REFUSED(
            "module", "kernel/module/main.c", ": (Unknown symbol |version magic )", Then.NOTHING),
    MODULE_VERSIONS(
            "module-versions",
            "kernel/module/version.c",
            ": (disagrees about version of symbol |no symbol version for )",
            Then.NOTHING),
    MODULE_RELOCATION(
            "module-relocation",
            "arch/x86/kernel/module.c",
            "overflow in relocation type|: Unknown rela relocation: |invalid relocation target",
            Then.NOTHING),
    UNWINDER(
            "unwinder",
            "arch/x86/kernel/unwind_orc.c",
            "WARNING: (can't access registers|stack (going|recursion)|bad lookup|(Bad|Corrupt).*orc_unwind)",
            Then.NOTHING),
    REFCOUNT("refcount", "lib/refcount.c", "refcount_t: ", Then.REPORT_FOLLOWS),
    LIST_CORRUPTION(
            "list-corruption",
            "lib/list_debug.c",
            "list_(add|del) corruption",
            Then.REPORT_FOLLOWS),
    UBSAN("ubsan", "lib/ubsan.c", "UBSAN: ", Then.REPORT_FOLLOWS),
    OUT_OF_MEMORY(
            "out-of-memory",
            "mm/oom_kill.c",
            "Out of memory: |invoked oom-killer",
            Then.REPORT_FOLLOWS),
    USER_FAULT(
            "user-fault",
            "arch/x86/mm/fault.c",
            "\\]: segfault at |traps: .* (trap|general protection)",
            Then.NOTHING),
    CALL_TRACE(
            "call-trace", "arch/x86/kernel/dumpstack.c", "^\\s*Call Trace:", Then.REPORT_FOLLOWS);

    /** What comes after the line that shows a symptom. */
    private enum Then {
        /** It stands alone. */
        NOTHING,
        /** More lines belong to it: registers, a call trace. */
        REPORT_FOLLOWS,
        /** As before, and the guest may hang from then on. */
        NOTHING_WORKS
    }

    private final String kind;
    private final String source;
    private final Pattern pattern;
    private final Then then;

    Symptom(String kind, String source, String pattern, Then then) {
        this.kind = kind;
        this.source = source;
        this.pattern = Pattern.compile(pattern);
        this.then = then;
    }

    /** The first symptom that a line of the log shows; the line is without its time stamp. */
    static Optional<Symptom> in(String line) {
        return Arrays.stream(values())
                .filter(symptom -> symptom.pattern.matcher(line).find())
                .findFirst();
    }

    /** One word for people and machines. */
    String kind() {
        return kind;
    }

    /** The kernel's file that prints it, in the source tree of 6.1 or 6.12. */
    String source() {
        return source;
    }

    /** Whether the lines that follow belong to it. */
    boolean hasReport() {
        return then != Then.NOTHING;
    }

    /** Whether it leaves a kernel of which nothing can be expected any more. */
    boolean fatal() {
        return then == Then.NOTHING_WORKS;
    }

    /** Whether it is an ordinary part of another symptom's report. */
    boolean partOfAReport() {
        return this == CALL_TRACE || this == OOPS || this == UNWINDER;
    }
}
