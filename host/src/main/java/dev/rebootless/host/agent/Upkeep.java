package dev.rebootless.host.agent;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import java.util.ArrayList;
import java.util.List;

/**
 * Sees to what is loaded at the next boots; no running kernel is touched. All of it is tried, and
 * what could not be done is told.
 */
final class Upkeep {
    private final LivepatchHost host;
    private final List<Problem> problems = new ArrayList<>();

    Upkeep(LivepatchHost host) {
        this.host = host;
    }

    /** What could not be done. */
    List<Problem> problems() {
        return List.copyOf(problems);
    }

    /** What was taken out of a kernel must not come back with its next boot. */
    Upkeep leaveOut(String release, String buildId, View view, Step step) {
        view.kept(step.livepatch())
                .filter(k -> k.sha256().equals(step.sha256()))
                .ifPresent(k -> attempt(() -> host.uninstall(release, buildId, k.name())));
        return this;
    }

    /** What the state has taken out and is not loaded. */
    Upkeep leaveOut(Verified.ForKernel kernel) {
        for (String name : kernel.plan().uninstall()) {
            attempt(() -> host.uninstall(kernel.release(), kernel.buildId(), name));
        }
        return this;
    }

    /** What is to be loaded is to be loaded at each boot. */
    Upkeep install(Verified.ForKernel kernel) {
        attempt(() ->
                host.install(
                        kernel.module().orElseThrow(),
                        kernel.state().load().orElseThrow().name(),
                        kernel.buildId(),
                        kernel.plan().mayLose()));
        return this;
    }

    /** All that a plan says. */
    Upkeep all(Verified.ForKernel kernel) {
        Upkeep upkeep = leaveOut(kernel);
        return kernel.plan().install() ? upkeep.install(kernel) : upkeep;
    }

    private void attempt(Runnable work) {
        try {
            work.run();
        } catch (RebootlessException e) {
            if (e.status() == ExitStatus.INTERRUPTED) {
                throw e;
            }
            problems.addAll(e.problems());
        }
    }
}
