import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.Build;
import dev.rebootless.build.BuildOutcome;
import dev.rebootless.build.BuildRequest;
import dev.rebootless.manifest.ProofBoot;
import dev.rebootless.source.compile.UnitCommand;
import dev.rebootless.source.compile.UnitCommands;
import dev.rebootless.source.history.FunctionNames;
import dev.rebootless.source.kit.KernelRequest;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * How long livepatches of 10, 100, 500 and 1,000 functions take to load, to come into force and to
 * go: each adds an instruction that does nothing to as many functions of vmlinux, and is proven
 * like any other. Run by {@code script/bench --sizes}.
 */
public final class BenchSizes {
    private static final List<Integer> SIZES = List.of(10, 100, 500, 1000);

    /** Folders of ordinary code: no part of livepatching, and built by every flavour. */
    private static final List<String> FOLDERS =
            List.of("fs", "fs/proc", "fs/kernfs", "fs/sysfs", "mm", "net/core", "net/ipv4", "net/ipv6", "block", "net/unix", "net/netlink", "net/ethtool");

    /** Of these, ftrace routes none, or they are gone. */
    private static final Pattern NOT_ROUTED =
            Pattern.compile("__init|__exit|__ref|notrace|noinstr|inline|__meminit|__sched|__cpuidle|__read_mostly|DEFINE|SYSCALL|kprobe");

    private static final int MAX_REFUSALS = 40;

    private final Kit kit;
    private final Path work;
    private final Set<String> built = new TreeSet<>();
    private final Set<String> leftOut = new TreeSet<>();

    private BenchSizes(Kit kit, Path work) {
        this.kit = kit;
        this.work = work;
        new UnitCommands(kit.kernelTree())
                .all(message -> {}).stream()
                        .filter(UnitCommand::inVmlinux)
                        .map(UnitCommand::source)
                        .filter(source -> source.endsWith(".c"))
                        .forEach(built::add);
    }

    public static void main(String[] args) throws Exception {
        Kits kits = new Kits(Kits.userCache(), message -> {});
        Kit kit = kits.add(KernelRequest.parse(args[0]));
        BenchSizes bench = new BenchSizes(kit, Path.of(args[1]));
        System.out.printf(
                "%s %s, %d processors%n%n",
                kit.facts().release(),
                kit.facts().packageVersion(),
                Runtime.getRuntime().availableProcessors());
        System.out.println("| functions | CPU model | load | transition | unload | load + unload per function |");
        System.out.println("| --- | --- | --- | --- | --- | --- |");
        for (int size : SIZES) {
            bench.measure(size);
        }
    }

    private void measure(int size) throws Exception {
        for (int i = 0; i < MAX_REFUSALS; i++) {
            try {
                report((BuildOutcome.Built) build(size));
                return;
            } catch (RebootlessException e) {
                // What inlines a changed function changes with it, and may be one that cannot.
                boolean news = false;
                for (Problem problem : e.problems()) {
                    news |= leftOut.add(problem.place());
                }
                if (!news) {
                    throw e;
                }
                System.err.println("without " + leftOut);
            }
        }
        throw new IllegalStateException("too many refusals");
    }

    private BuildOutcome build(int size) throws Exception {
        Path patch = work.resolve("sizes-" + size + ".patch");
        Files.writeString(patch, patch(size), StandardCharsets.ISO_8859_1);
        return new Build(kit, message -> System.err.println(size + ": " + message), false)
                .run(
                        new BuildRequest(
                                List.of(patch),
                                work,
                                Optional.of("sizes-" + size),
                                true,
                                List.of(),
                                true,
                                Optional.empty()));
    }

    private static void report(BuildOutcome.Built built) {
        int functions =
                built.manifest().objects().stream().mapToInt(o -> o.functions().size()).sum();
        for (ProofBoot boot : built.proof().orElseThrow().boots()) {
            double load = boot.loadSeconds().orElseThrow();
            double unload = boot.unloadSeconds().orElseThrow();
            System.out.printf(
                    Locale.ROOT,
                    "| %d | %s | %.1f s | %.1f s | %.1f s | %.0f ms |%n",
                    functions,
                    boot.cpuModel(),
                    load,
                    boot.transitionSeconds().orElseThrow(),
                    unload,
                    (load + unload) / functions * 1000);
        }
    }

    /** Functions of whole files, until there are as many. */
    private String patch(int size) throws Exception {
        StringBuilder patch = new StringBuilder();
        int left = size;
        for (String folder : FOLDERS) {
            for (Path file : sources(folder)) {
                String path = kit.tree().relativize(file).toString();
                List<String> lines = Files.readAllLines(file, StandardCharsets.ISO_8859_1);
                String text = String.join("\n", lines);
                // The body of a system call has no entry of its own, and inlines what is next to it.
                if (left <= 0
                        || text.contains("SYSCALL_DEFINE")
                        || leftOut.stream().anyMatch(name -> isWithin(name, path, text))) {
                    continue;
                }
                List<String> changed = new ArrayList<>(lines);
                int taken = 0;
                for (FunctionNames.Definition function :
                        FunctionNames.definitions(lines).reversed()) {
                    int brace = brace(lines, function);
                    boolean fits =
                            brace >= 0
                                    && taken < left
                                    && !NOT_ROUTED
                                            .matcher(
                                                    String.join(
                                                            " ",
                                                            lines.subList(
                                                                    Math.max(0, function.first() - 2),
                                                                    brace)))
                                            .find();
                    if (fits) {
                        changed.add(brace, "\tasm volatile(\"nop\");");
                        taken++;
                    }
                }
                if (taken > 0) {
                    left -= taken;
                    patch.append(diff(path, file, changed));
                }
            }
        }
        return patch.toString();
    }

    /** Whole files go: what is refused may have inlined any of their functions. */
    private static boolean isWithin(String refused, String path, String text) {
        return refused.equals(path)
                || Pattern.compile("\\b" + Pattern.quote(refused) + "\\(").matcher(text).find();
    }

    /** The number of lines down to the brace that begins a function's body; -1: there is none. */
    private static int brace(List<String> lines, FunctionNames.Definition function) {
        for (int i = Math.max(0, function.first() - 1); i < Math.min(lines.size(), function.last()); i++) {
            if (lines.get(i).equals("{")) {
                return i + 1;
            }
        }
        return -1;
    }

    private List<Path> sources(String folder) throws IOException {
        try (Stream<Path> files = Files.list(kit.tree().resolve(folder))) {
            return files.filter(f -> built.contains(kit.tree().relativize(f).toString()))
                    .sorted()
                    .toList();
        }
    }

    private String diff(String path, Path before, List<String> after) throws Exception {
        Path changed = work.resolve("changed.c");
        Files.write(changed, after, StandardCharsets.ISO_8859_1);
        Path out = work.resolve("diff.out");
        Process diff =
                new ProcessBuilder(
                                "diff", "-u", "--label", "a/" + path, "--label", "b/" + path,
                                before.toString(), changed.toString())
                        .redirectOutput(out.toFile())
                        .start();
        if (!diff.waitFor(1, TimeUnit.MINUTES)) {
            throw new IllegalStateException("diff of " + path);
        }
        return Files.readString(out, StandardCharsets.ISO_8859_1);
    }
}
