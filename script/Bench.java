import dev.rebootless.diff.ObjectDiff;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.kernel.KernelImage;
import dev.rebootless.source.compile.KernelTree;
import dev.rebootless.source.compile.UnitCommand;
import dev.rebootless.source.compile.UnitCommands;
import dev.rebootless.source.kit.KernelRequest;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The speed table: each row is measured here and now, and printed as a ratio to what it is bound
 * by, or as seconds where the bound is in seconds. Run by script/bench, on an otherwise idle
 * machine, since gcc and Java are not slowed down alike by a busy one.
 */
public final class Bench {
    private static final int ROUNDS = 5;

    /** Bounds of issue 2. */
    private static final double TIMES_GCC = 2.5;

    private static final double SMALL_UNIT_EXTRA = 1.0;
    private static final double SYMBOLS_SECONDS = 3.0;
    private static final double DIFF_SECONDS = 0.1;
    private static final long BUILD_MEGABYTES = 600;
    private static final double COLD_SECONDS = 120;

    /** A unit, and a change of one of its functions: the text must stand there exactly once. */
    private record Subject(String source, String from, String to, double extra) {}

    private static final List<Subject> SUBJECTS =
            List.of(
                    new Subject(
                            "net/ipv4/tcp_input.c",
                            "void tcp_rcv_space_adjust(struct sock *sk)\n{\n",
                            "void tcp_rcv_space_adjust(struct sock *sk)\n{\n\tbarrier();\n"
                                    + "\tREAD_ONCE(sk->sk_state);\n",
                            0),
                    new Subject(
                            "fs/proc/meminfo.c",
                            "\"MemFree:        \"",
                            "\"MEMFREE:        \"",
                            SMALL_UNIT_EXTRA),
                    new Subject(
                            "fs/proc/version.c",
                            "seq_printf(m, linux_proc_banner,",
                            "seq_puts(m, \"\"), seq_printf(m, linux_proc_banner,",
                            SMALL_UNIT_EXTRA));

    private final Path root;
    private final Path work;
    private final Kit kit;
    private boolean allMet = true;

    private Bench(Path root, Path work, Kit kit) {
        this.root = root;
        this.work = work;
        this.kit = kit;
    }

    public static void main(String[] args) throws Exception {
        Kits kits = new Kits(Kits.userCache(), message -> {});
        Kit kit = kits.add(KernelRequest.parse(args[1]));
        Bench bench = new Bench(Path.of(args[0]), Path.of(args[2]), kit);
        System.out.printf(
                "%s %s, %d processors, best of %d%n",
                kit.facts().release(),
                kit.facts().packageVersion(),
                Runtime.getRuntime().availableProcessors(),
                ROUNDS);
        for (Subject subject : SUBJECTS) {
            bench.unit(subject);
        }
        bench.symbols();
        bench.diff();
        if (List.of(args).contains("--cold")) {
            bench.cold();
        }
        System.out.println(bench.allMet ? "all bounds are met" : "some bounds are NOT met");
        System.exit(bench.allMet ? 0 : 6);
    }

    private void row(String what, double value, double bound, String unit) {
        boolean met = value <= bound;
        allMet &= met;
        System.out.printf(
                Locale.ROOT,
                "%-58s %8.2f %-3s (at most %.2f) %s%n",
                what,
                value,
                unit,
                bound,
                met ? "" : "NOT MET");
    }

    /** A build against the two runs of gcc that it cannot do without. */
    private void unit(Subject subject) throws Exception {
        UnitCommand command =
                new UnitCommands(
                                new KernelTree(
                                        kit.tree(),
                                        kit.unitCache(),
                                        kit.facts().compiler().program(),
                                        kit.facts().makeArguments()))
                        .of(subject.source());
        Path patch = patch(subject);
        double gcc = Double.MAX_VALUE;
        Run best = null;
        double cached = Double.MAX_VALUE;
        build(patch);
        for (int i = 0; i < ROUNDS; i++) {
            gcc = Math.min(gcc, twoGccs(command));
            forgetOriginals();
            Run run = build(patch);
            best = best == null || run.seconds() < best.seconds() ? run : best;
            cached = Math.min(cached, build(patch).seconds());
        }
        System.out.println();
        System.out.printf(Locale.ROOT, "%s: two gcc runs in parallel %.2f s%n", subject.source(), gcc);
        System.out.printf(
                Locale.ROOT,
                "  build %.2f s, %.2f times gcc; with its original in the cache %.2f s%n",
                best.seconds(),
                best.seconds() / gcc,
                cached);
        double bound = TIMES_GCC + subject.extra() / gcc;
        row("  build --no-test, times the two gcc runs", best.seconds() / gcc, bound, "x");
        row("  peak memory of the build besides gcc", best.megabytes(), BUILD_MEGABYTES, "MB");
        System.out.println("  where the time goes:");
        best.steps().forEach(s -> System.out.println("    " + s));
    }

    private Path patch(Subject subject) throws Exception {
        String source = Files.readString(kit.tree().resolve(subject.source()));
        int at = source.indexOf(subject.from());
        if (at < 0 || source.indexOf(subject.from(), at + 1) >= 0) {
            throw new IllegalStateException(subject.source() + " has changed: choose another line");
        }
        Path before = Files.writeString(work.resolve("before.c"), source);
        Path after =
                Files.writeString(
                        work.resolve("after.c"),
                        source.substring(0, at)
                                + subject.to()
                                + source.substring(at + subject.from().length()));
        Path patch = work.resolve("bench.patch");
        new ProcessBuilder(
                        "diff",
                        "-u",
                        "--label",
                        "a/" + subject.source(),
                        "--label",
                        "b/" + subject.source(),
                        before.toString(),
                        after.toString())
                .redirectOutput(patch.toFile())
                .start()
                .waitFor();
        return patch;
    }

    /** The same commands as a build's, in the tree itself and without a sandbox. */
    private double twoGccs(UnitCommand unit) throws Exception {
        List<Process> runs = new ArrayList<>();
        long start = System.nanoTime();
        for (int i = 0; i < 2; i++) {
            List<String> command = new ArrayList<>();
            command.add(kit.facts().compiler().program());
            unit.arguments().stream().filter(a -> !a.startsWith("-g")).forEach(command::add);
            command.addAll(List.of("-ffunction-sections", "-fdata-sections", "-c", "-o"));
            command.add(work.resolve("gcc-" + i + ".o").toString());
            command.add(unit.source());
            runs.add(
                    new ProcessBuilder(command)
                            .directory(kit.tree().toFile())
                            .redirectErrorStream(true)
                            .redirectOutput(work.resolve("gcc-" + i + ".log").toFile())
                            .start());
        }
        for (Process run : runs) {
            if (run.waitFor() != 0) {
                throw new IllegalStateException("gcc fails; see " + work);
            }
        }
        return (System.nanoTime() - start) / 1e9;
    }

    private void forgetOriginals() throws IOException {
        remove(kit.unitCache().resolve("originals"));
    }

    private record Run(double seconds, double megabytes, List<String> steps) {}

    private Run build(Path patch) throws Exception {
        return run(
                Map.of(),
                "build",
                patch.toString(),
                "--no-test",
                "--kernel",
                kit.facts().release() + "=" + kit.facts().packageVersion(),
                "-o",
                work.resolve("out").toString());
    }

    /** Runs the launcher; it becomes Java by exec, so that its peak memory can be read. */
    private Run run(Map<String, String> environment, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(root.resolve("rebootless").toString()));
        command.addAll(List.of(arguments));
        Path log = work.resolve("rebootless.log");
        ProcessBuilder builder =
                new ProcessBuilder(command)
                        .redirectOutput(work.resolve("rebootless.out").toFile())
                        .redirectError(log.toFile());
        builder.environment().putAll(environment);
        long start = System.nanoTime();
        Process process = builder.start();
        long peak = 0;
        Path status = Path.of("/proc", String.valueOf(process.pid()), "status");
        while (process.isAlive()) {
            peak = Math.max(peak, peakKilobytes(status));
            process.waitFor(5, java.util.concurrent.TimeUnit.MILLISECONDS);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        if (process.exitValue() != 0) {
            throw new IllegalStateException(Files.readString(log));
        }
        return new Run(seconds, peak / 1024.0, steps(Files.readAllLines(log), seconds));
    }

    private static final Pattern STEP = Pattern.compile("\\[ *([0-9.]+) s\\] (.*)");

    /** Each step with the seconds until the next one. */
    private static List<String> steps(List<String> log, double total) {
        List<Double> times = new ArrayList<>(List.of(0.0));
        List<String> names = new ArrayList<>(List.of("reading the command line and the kit's data"));
        for (String line : log) {
            Matcher matcher = STEP.matcher(line);
            if (matcher.matches()) {
                times.add(Double.parseDouble(matcher.group(1)));
                names.add(matcher.group(2));
            }
        }
        List<String> steps = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            double end = i + 1 < times.size() ? times.get(i + 1) : total;
            steps.add(String.format(Locale.ROOT, "%5.1f s  %s", end - times.get(i), names.get(i)));
        }
        return steps;
    }

    /** VmHWM of proc(5). */
    private static long peakKilobytes(Path status) {
        try (Stream<String> lines = Files.lines(status)) {
            return lines.filter(l -> l.startsWith("VmHWM:"))
                    .mapToLong(l -> Long.parseLong(l.replaceAll("[^0-9]", "")))
                    .findFirst()
                    .orElse(0);
        } catch (IOException | java.io.UncheckedIOException e) {
            return 0;
        }
    }

    /** The first reading in this process, so nothing of it is warm. */
    private void symbols() throws IOException {
        long start = System.nanoTime();
        int symbols = KernelImage.open(kit.bootImage()).symbols().size();
        System.out.println();
        row("vmlinuz to " + symbols + " symbols", (System.nanoTime() - start) / 1e9, SYMBOLS_SECONDS, "s");
    }

    private void diff() throws Exception {
        byte[] original = Files.readAllBytes(work.resolve("gcc-0.o"));
        UnitCommand large =
                new UnitCommands(
                                new KernelTree(
                                        kit.tree(),
                                        kit.unitCache(),
                                        kit.facts().compiler().program(),
                                        kit.facts().makeArguments()))
                        .of(SUBJECTS.getFirst().source());
        twoGccs(large);
        original = Files.readAllBytes(work.resolve("gcc-0.o"));
        byte[] patched = Files.readAllBytes(work.resolve("gcc-1.o"));
        double best = Double.MAX_VALUE;
        for (int i = 0; i < 20 * ROUNDS; i++) {
            long start = System.nanoTime();
            ObjectDiff.compare(ElfReader.read(original), ElfReader.read(patched));
            best = Math.min(best, (System.nanoTime() - start) / 1e9);
        }
        row("reading and comparing tcp_input.o with itself, warm", best, DIFF_SECONDS, "s");
    }

    /** The packages are there already: what is measured is all but the downloads. */
    private void cold() throws Exception {
        Path cache = work.resolve("cache/rebootless");
        Files.createDirectories(cache.resolve("packages"));
        try (Stream<Path> files = Files.walk(Kits.userCache().resolve("packages"))) {
            Path from = Kits.userCache().resolve("packages");
            for (Path file : files.toList()) {
                Path to = cache.resolve("packages").resolve(from.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(to);
                } else {
                    Files.copy(file, to);
                }
            }
        }
        Path patch = patch(SUBJECTS.get(1));
        Run run =
                run(
                        Map.of("XDG_CACHE_HOME", work.resolve("cache").toString()),
                        "build",
                        patch.toString(),
                        "--no-test",
                        "--kernel",
                        kit.facts().release() + "=" + kit.facts().packageVersion(),
                        "-o",
                        work.resolve("out").toString());
        System.out.println();
        row("empty cache to finished module, without downloads", run.seconds(), COLD_SECONDS, "s");
        run.steps().forEach(s -> System.out.println("    " + s));
    }

    private static void remove(Path folder) throws IOException {
        if (Files.isDirectory(folder)) {
            try (Stream<Path> all = Files.walk(folder)) {
                for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                    Files.deleteIfExists(path);
                }
            }
        }
    }
}
