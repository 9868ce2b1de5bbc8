package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.lab.CpuProfile;
import dev.rebootless.lab.Lab;
import dev.rebootless.lab.ScriptResult;
import dev.rebootless.lab.TargetModule;
import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A script of {@code build/src/test/resources/guest}, run on a shipped kernel with livepatches that
 * it loads itself.
 */
final class GuestScript {
    /** What all scripts begin with. */
    private static final String COMMON = "work";

    /** What the work of {@link #COMMON} needs: the block device that it writes to. */
    private static final List<String> FOR_WORK = List.of("loop");

    /**
     * What is counted of the work, as {@code WHEN.rounds.KIND}: rounds of each kind, each of which
     * compares what comes of it, and what the kernel itself counted meanwhile.
     */
    static final List<String> WORK =
            List.of("forks", "files", "network", "processes", "packets", "sectors");

    private final String name;
    private final StringBuilder settings = new StringBuilder();
    private final List<String> allowed = new ArrayList<>();

    GuestScript(String name) {
        this.name = name;
    }

    /** Sets a variable of the script; the value needs no quoting. */
    GuestScript with(String variable, Object value) {
        settings.append(variable).append("='").append(value).append("'\n");
        return this;
    }

    /** Lines of the kernel's log that the script is about: what they contain. */
    GuestScript allowing(String... parts) {
        allowed.addAll(List.of(parts));
        return this;
    }

    /** Makes check scripts one function, which succeeds when all do. */
    GuestScript withCheck(String function, List<Path> checks) throws IOException {
        settings.append(function).append("() {\n");
        for (Path check : checks) {
            settings.append("(\n").append(Files.readString(check)).append(") || return\n");
        }
        settings.append("} >/dev/null 2>&1\n");
        return this;
    }

    /**
     * Runs it on one CPU model.
     *
     * @param folder for the script
     * @param targets beside what the work needs
     * @return what it printed, {@code KEY VALUE} a line, in order; the script succeeded, and the
     *     kernel's log is clean
     */
    Map<String, String> run(
            Kit kit,
            Path folder,
            List<Path> modules,
            List<TargetModule> targets,
            Duration timeout) {
        ScriptResult result;
        try {
            Path script = Files.createTempFile(folder, name, ".sh");
            Files.writeString(script, settings + text(COMMON) + text(name));
            List<TargetModule> inserted =
                    new ArrayList<>(TargetModule.find(kit.modules(), FOR_WORK));
            inserted.addAll(targets);
            result =
                    Lab.standard()
                            .run(
                                    kit.bootImage(),
                                    script,
                                    modules,
                                    inserted,
                                    new CpuProfile(CpuProfile.MAX, parameters(kit)),
                                    timeout,
                                    System.err::println);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        assertThat(result.kernelRelease()).isEqualTo(kit.facts().release());
        assertThat(result.run().exitCode()).as(result.run().output()).isZero();
        assertThat(result.run().truncated()).isFalse();
        assertThat(result.logProblems())
                .allSatisfy(problem ->
                        assertThat(problem.lines())
                                .allMatch(line -> allowed.stream().anyMatch(line::contains)));
        Map<String, String> said = new LinkedHashMap<>();
        result.run()
                .output()
                .lines()
                .forEach(line -> {
                    int space = line.indexOf(' ');
                    assertThat(space).as(line).isPositive();
                    said.put(line.substring(0, space), line.substring(space + 1));
                });
        return said;
    }

    /**
     * One processor for kernels that write thousands of static calls in each transition
     * (kernel/sched/core.c, with CONFIG_PREEMPT_DYNAMIC). With two that are busy, QEMU 7.2 runs an
     * int3 that is no longer there, and the kernel dies of it ("Oops: int3: 0000"); and as each
     * place waits for all processors three times, a transition takes minutes.
     */
    private static List<String> parameters(Kit kit) {
        boolean writes =
                KitKernel.read(kit)
                        .image()
                        .symbols()
                        .unique("sched_dynamic_klp_disable")
                        .isPresent();
        return writes ? List.of("nr_cpus=1") : List.of();
    }

    private static String text(String name) throws IOException {
        String resource = "/guest/" + name + ".sh";
        try (InputStream in = GuestScript.class.getResourceAsStream(resource)) {
            return new String(
                    Objects.requireNonNull(in, resource).readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
