package dev.rebootless.host;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.log.Complaint;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Watches a livepatch that has just come into force. */
final class Watch {
    private static final Duration BETWEEN_LOOKS = Duration.ofMillis(250);

    private final Machine machine;
    private final Removal removal;
    private final Consumer<HostEvent> events;

    Watch(Machine machine, Removal removal, Consumer<HostEvent> events) {
        this.machine = machine;
        this.removal = removal;
        this.events = events;
    }

    /**
     * Follows the log for a time. What kills a task in the livepatch's code takes the livepatch out
     * again. A WARN does so only when that was asked for: otherwise whoever can trigger one that
     * has always been there could make the host unpatch itself.
     *
     * @param before the log as it was before the livepatch was loaded; empty where it may not be
     *     read
     * @throws RebootlessException exit status 7 {@code RBL-HOST-OOPS}
     */
    void watch(ModuleToLoad module, LoadRequest request, Optional<String> before)
            throws IOException {
        if (request.watch().isZero()) {
            return;
        }
        if (before.isEmpty()) {
            events.accept(new HostEvent.Blind(module.name()));
            return;
        }
        LogWatch log = new LogWatch(module.name(), before.get());
        events.accept(new HostEvent.Watching(module.name(), request.watch().toMillis() / 1e3));
        long start = machine.ticker().nanos();
        boolean ends = false;
        while (!ends) {
            ends = machine.ticker().nanos() - start >= request.watch().toNanos();
            List<LogWatch.Seen> seen = new ArrayList<>(log.look(machine.calls().log().orElse("")));
            if (ends) {
                seen.addAll(log.rest());
            }
            for (LogWatch.Seen each : seen) {
                Complaint complaint = each.complaint();
                events.accept(
                        new HostEvent.Complained(
                                module.name(), complaint.kind(), each.ours(), complaint.lines()));
                if (each.ours() && (complaint.fatal() || request.reverseOnWarn())) {
                    reverse(module, request.timeout(), complaint);
                }
            }
            if (!ends) {
                machine.ticker().sleep(BETWEEN_LOOKS);
            }
        }
    }

    private void reverse(ModuleToLoad module, Duration timeout, Complaint complaint)
            throws IOException {
        String evidence = new Evidence(machine.files()).keep(module, complaint);
        String why = "the kernel had an " + complaint.kind() + " in its code";
        events.accept(new HostEvent.Cancelling(module.name(), why));
        List<Problem> problems = new ArrayList<>();
        String now = "it was taken out again";
        List<Problem> remaining = List.of();
        try {
            removal.takeOut(module.name(), module.functionNames(), timeout, Optional.of(why));
        } catch (RebootlessException e) {
            now = "IT IS STILL IN FORCE, or on its way out";
            remaining = e.problems();
        }
        problems.add(
                new Problem(
                        "RBL-HOST-OOPS",
                        module.name(),
                        why
                                + ": "
                                + complaint.lines().getFirst()
                                + "; "
                                + now
                                + ", and what the kernel said is in "
                                + evidence,
                        "do not load it again; report it with that file"));
        problems.addAll(remaining);
        throw new RebootlessException(ExitStatus.KERNEL_SAID_NO, problems);
    }
}
