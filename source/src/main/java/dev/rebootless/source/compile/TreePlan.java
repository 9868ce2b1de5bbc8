package dev.rebootless.source.compile;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The compile commands of a whole tree: what {@code make -n} says for the tree's top, vmlinux and
 * modules alike. That takes 10 to 20 s, less than asking for each of some 500 folders, and is kept
 * in the unit cache.
 *
 * @param units the units of vmlinux and of modules
 * @param sides what else is compiled
 * @param named sources and headers that stand in a command, also such as a command has yet to write
 */
record TreePlan(
        int format,
        String compiler,
        List<UnitCommand> units,
        List<SideCommand> sides,
        List<String> named) {
    /** Raised whenever what is kept, or how it is found, changes. */
    private static final int FORMAT = 4;

    private static final String MARKER = "-DREBOOTLESS_PLAN";

    /** A 6.1 cloud kernel has about 3,900 units; what has hardly any was not understood. */
    private static final int MIN_UNITS = 100;

    TreePlan {
        units = List.copyOf(units);
        sides = List.copyOf(sides);
        named = List.copyOf(named);
    }

    /**
     * The plan of a prepared tree.
     *
     * @throws RebootlessException exit status 5 {@code RBL-KBUILD} when make fails
     */
    static TreePlan of(KernelTree kernel, Progress progress) {
        Path file = kernel.unitCache().resolve("commands").resolve("whole.json");
        return kept(file, kernel.compiler())
                .orElseGet(() -> {
                    progress.step("asking kbuild how each unit is compiled, once for this kit");
                    return ask(kernel, file);
                });
    }

    private static Optional<TreePlan> kept(Path file, String compiler) {
        try {
            TreePlan plan = JsonMapper.shared().readValue(Files.readAllBytes(file), TreePlan.class);
            boolean fits = plan.format() == FORMAT && plan.compiler().equals(compiler);
            return fits ? Optional.of(plan) : Optional.empty();
        } catch (IOException | JacksonException e) {
            // Not there, or not ours: it is made anew.
            return Optional.empty();
        }
    }

    private static TreePlan ask(KernelTree kernel, Path file) {
        KbuildPlan.Units all =
                DryRun.of(
                        kernel,
                        MARKER,
                        List.of(
                                // Programs of the build are compiled by one that the plan's reader
                                // knows.
                                "HOSTCC=" + kernel.compiler(),
                                // Keys of the distributor are not in the source package
                                // (certs/Makefile).
                                "CONFIG_MODULE_SIG_KEY=",
                                "CONFIG_SYSTEM_TRUSTED_KEYS=",
                                "CONFIG_SYSTEM_REVOCATION_KEYS=",
                                // The top folder with its modules, but without the link that needs
                                // all objects.
                                "KBUILD_MODULES=1",
                                "."),
                        TreePlan::failed);
        if (all.linked().size() < MIN_UNITS) {
            throw failed("it names only " + all.linked().size() + " units");
        }
        TreePlan plan =
                new TreePlan(
                        FORMAT,
                        kernel.compiler(),
                        all.linked(),
                        all.sides(),
                        List.copyOf(all.named()));
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            AtomicFiles.write(file, JsonMapper.shared().writeValueAsBytes(plan));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return plan;
    }

    private static RebootlessException failed(String message) {
        return RebootlessException.environment(
                "RBL-KBUILD",
                ".",
                "make cannot plan the whole tree: " + message,
                "prepare the kit again: rebootless kit remove, then kit add");
    }
}
