package dev.rebootless.host.agent;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.release.DesiredState;
import dev.rebootless.trust.tuf.TufClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What the side with rights has verified of one publication, and what it wants done here.
 *
 * @param running what it says of the kernel that runs; empty where it says nothing
 * @param view of that kernel
 * @param next what it says of the kernel that boots next, if that is another
 */
record Verified(Optional<ForKernel> running, View view, Optional<ForKernel> next) {
    /**
     * For one kernel build.
     *
     * @param module the verified bytes of what is to be loaded or installed, in a file that nobody
     *     else can change
     */
    record ForKernel(
            String release, String buildId, DesiredState state, Plan plan, Optional<Path> module) {}

    /** What is to be done to the kernel that runs. */
    Plan plan() {
        return running.map(ForKernel::plan).orElse(Plan.NOTHING);
    }

    /** Reads all that an order may need, in one session. */
    record Reader(
            TufClient.Session session,
            AgentMachine machine,
            AgentFolder apply,
            String ring,
            Consumer<String> said) {
        static final String FILES = "files";

        /**
         * Reads it.
         *
         * @param reverse SHA-256 of what the order says the server wants out
         */
        Verified read(LivepatchHost.Kernel kernel, String buildId, Optional<String> reverse) {
            View view = View.running(machine.host(), apply, kernel);
            Instant now = machine.clock().instant();
            Optional<ForKernel> running =
                    Wanted.state(session, kernel.release(), buildId, ring)
                            .map(state ->
                                    of(
                                            kernel.release(),
                                            buildId,
                                            state,
                                            Plan.running(state, view, reverse, now)));
            return new Verified(running, view, next(kernel));
        }

        private Optional<ForKernel> next(LivepatchHost.Kernel running) {
            Optional<NextKernel> kernel =
                    NextKernel.read(machine.files(), NextBoot.read(machine.files()), said)
                            .filter(n -> !n.runs(running));
            try {
                return kernel.flatMap(n ->
                        Wanted.state(session, n.release(), n.buildId(), ring)
                                .map(state ->
                                        of(
                                                n.release(),
                                                n.buildId(),
                                                state,
                                                Plan.next(
                                                        state,
                                                        View.other(machine.host(), apply, n)))));
            } catch (RebootlessException e) {
                if (e.status() == ExitStatus.INTERRUPTED) {
                    throw e;
                }
                // What is wrong or missing for another kernel is no reason to leave this one open:
                // the network side may see no next kernel where root sees one.
                said.accept(e.problems().getFirst().text());
                return Optional.empty();
            }
        }

        private ForKernel of(String release, String buildId, DesiredState state, Plan plan) {
            return new ForKernel(
                    release,
                    buildId,
                    state,
                    plan,
                    plan.needsModule()
                            ? Optional.of(file(state.load().orElseThrow()))
                            : Optional.empty());
        }

        private Path file(DesiredState.Load wanted) {
            Wanted.Released released = Wanted.released(session, wanted);
            Path folder = apply.path(FILES).resolve(wanted.sha256());
            try {
                Files.createDirectories(folder);
                AtomicFiles.write(folder.resolve("livepatch.json"), released.proof());
                Path module = folder.resolve("livepatch.ko");
                AtomicFiles.write(module, released.module());
                return module;
            } catch (IOException e) {
                throw apply.fault(FILES, e);
            }
        }
    }
}
