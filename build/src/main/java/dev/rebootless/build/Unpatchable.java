package dev.rebootless.build;

import dev.rebootless.base.Problem;
import dev.rebootless.source.compile.UnitCommand;
import java.util.List;
import java.util.Optional;

/** Units whose code must not be replaced by a livepatch, whatever the change. */
final class Unpatchable {
    private Unpatchable() {}

    private record Rule(String prefix, String code, String reason, String remedy) {}

    private static final String REBOOT = "install the fixed kernel and reboot";

    private static Rule machinery(String prefix) {
        return new Rule(
                prefix,
                "RBL-MACHINERY",
                "livepatching itself runs through this code (livepatch, module loading, ftrace, unwinding or"
                        + " alternatives): replacing it while it works cannot be made safe",
                REBOOT);
    }

    private static Rule outside(String prefix, String what) {
        return new Rule(
                prefix,
                "RBL-NOT-KERNEL-TEXT",
                "it becomes part of " + what + ", which ftrace does not reach",
                REBOOT);
    }

    private static final List<Rule> RULES =
            List.of(
                    outside("arch/x86/entry/vdso/", "the vDSO that processes map"),
                    outside("arch/x86/boot/", "the boot loader stage"),
                    outside("arch/x86/realmode/", "the real-mode trampoline"),
                    outside("arch/x86/purgatory/", "the kexec purgatory"),
                    machinery("kernel/livepatch/"),
                    machinery("kernel/module/"),
                    machinery("kernel/trace/ftrace.c"),
                    machinery("kernel/trace/fgraph.c"),
                    machinery("kernel/trace/trace_functions.c"),
                    machinery("kernel/jump_label.c"),
                    machinery("kernel/static_call"),
                    machinery("kernel/stacktrace.c"),
                    machinery("kernel/kallsyms.c"),
                    machinery("kernel/kprobes.c"),
                    machinery("kernel/stop_machine.c"),
                    machinery("arch/x86/entry/"),
                    machinery("arch/x86/kernel/alternative.c"),
                    machinery("arch/x86/kernel/ftrace.c"),
                    machinery("arch/x86/kernel/jump_label.c"),
                    machinery("arch/x86/kernel/static_call.c"),
                    machinery("arch/x86/kernel/stacktrace.c"),
                    machinery("arch/x86/kernel/unwind"),
                    machinery("arch/x86/kernel/dumpstack"),
                    machinery("arch/x86/kernel/kprobes/"),
                    machinery("arch/x86/kernel/module.c"),
                    machinery("arch/x86/kernel/traps.c"),
                    machinery("arch/x86/kernel/nmi.c"),
                    machinery("arch/x86/kernel/head"));

    /** Why a unit cannot be patched, if it cannot. */
    static Optional<Problem> refusal(UnitCommand unit) {
        return RULES.stream()
                .filter(r -> unit.source().startsWith(r.prefix()))
                .findFirst()
                .map(r -> new Problem(r.code(), unit.source(), r.reason(), r.remedy()));
    }
}
