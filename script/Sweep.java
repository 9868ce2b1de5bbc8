import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.Build;
import dev.rebootless.build.BuildOutcome;
import dev.rebootless.build.BuildRequest;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.lab.CpuProfile;
import dev.rebootless.lab.Lab;
import dev.rebootless.lab.ScriptResult;
import dev.rebootless.lab.TargetModule;
import dev.rebootless.source.compile.ObjectPair;
import dev.rebootless.source.compile.UnitCommand;
import dev.rebootless.source.compile.UnitCommands;
import dev.rebootless.source.compile.UnitCompiler;
import dev.rebootless.source.kit.KernelRequest;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import dev.rebootless.source.patch.PatchedTree;
import dev.rebootless.source.patch.SourcePatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Builds a livepatch for every file that differs between the sources of two packaged kernels, each
 * alone, against the older kernel: real changes that nobody chose for a test. Run by script/sweep.
 *
 * <p>Arguments: the older and the newer kernel (RELEASE=VERSION), the folder for results, how many
 * files (0: all), the seed. What is in the folder already is not done again.
 */
public final class Sweep {
    /** gcc's threads are two for each build, of which the cached original is often none. */
    private static final int JOBS = Runtime.getRuntime().availableProcessors();

    private static final Pattern COMPILER_MADE =
            Pattern.compile("__func__|__FUNCTION__|__PRETTY_FUNCTION__|CSWTCH|__UNIQUE_ID.*|\\.LC.*");

    private final Kit kit;
    private final Path newer;
    private final Path folder;
    private final Path table;

    /**
     * What became of a file.
     *
     * @param verdict built, unchanged, refused, failed (does not compile alone), fault
     * @param dataEqual whether the named data of both objects are equal
     * @param compileSeconds of both gcc runs, the longer one; 0 where cached
     */
    private record Row(
            String file,
            String target,
            String verdict,
            String codes,
            boolean dataEqual,
            double compileSeconds,
            double buildSeconds,
            String message) {
        String line() {
            return String.join(
                    "\t",
                    file,
                    target,
                    verdict,
                    codes,
                    Boolean.toString(dataEqual),
                    String.format(Locale.ROOT, "%.2f", compileSeconds),
                    String.format(Locale.ROOT, "%.2f", buildSeconds),
                    message.replace('\t', ' ').replace('\n', ' '));
        }

        static Row parse(String line) {
            String[] c = line.split("\t", -1);
            return new Row(
                    c[0],
                    c[1],
                    c[2],
                    c[3],
                    Boolean.parseBoolean(c[4]),
                    Double.parseDouble(c[5]),
                    Double.parseDouble(c[6]),
                    c[7]);
        }
    }

    private Sweep(Kit kit, Path newer, Path folder) {
        this.kit = kit;
        this.newer = newer;
        this.folder = folder;
        this.table = folder.resolve("results.tsv");
    }

    public static void main(String[] args) throws Exception {
        Kits kits = new Kits(Kits.userCache(), message -> {});
        Kit older = kits.add(KernelRequest.parse(args[0]));
        Kit newer = kits.add(KernelRequest.parse(args[1]));
        Path folder = Files.createDirectories(Path.of(args[2]));
        int sample = Integer.parseInt(args[3]);
        long seed = Long.parseLong(args[4]);
        System.out.printf(
                "%s (%s) to %s, seed %d%n",
                older.facts().release(),
                older.facts().sourceVersion(),
                newer.facts().sourceVersion(),
                seed);
        Sweep sweep = new Sweep(older, newer.tree(), folder);
        List<String> files = sweep.plan(sample, seed);
        sweep.buildAll(files);
        sweep.bootAll(files);
        sweep.report(files);
    }

    /**
     * What a guest does with each module: loads it, waits for its transition, turns it off, removes
     * it. A line each: number, verdict, hundredths of seconds of the transition.
     */
    private static final String LIFE =
            """
            now() {
                read -r uptime idle </proc/uptime
                clock=$((${uptime%.*} * 100 + 1${uptime#*.} - 100))
            }
            for target in $TARGETS; do
                for file in $(cat /targets/$target.files); do
                    [ -d /sys/module/$file ] || insmod /targets/$file.ko || true
                done
            done >/dev/null 2>&1
            number=0
            for name in $NAMES; do
                patch=/sys/kernel/livepatch/$name
                now; began=$clock
                if ! insmod /modules/$number.ko 2>/run/error; then
                    echo "$number insmod 0 $(head -n 1 /run/error)"
                else
                    waited=0
                    while [ "$(cat $patch/transition)" = 1 ] && [ $waited -lt 300 ]; do
                        usleep 50000; waited=$((waited + 1))
                    done
                    now; took=$((clock - began))
                    verdict=ok
                    [ $waited -lt 300 ] || verdict=stalled
                    echo 0 >$patch/enabled
                    waited=0
                    while [ -d $patch ] && [ $waited -lt 400 ]; do
                        usleep 50000; waited=$((waited + 1))
                    done
                    waited=0
                    while ! rmmod $name 2>/dev/null && [ $waited -lt 100 ]; do
                        usleep 50000; waited=$((waited + 1))
                    done
                    [ ! -d /sys/module/$name ] || verdict=stays
                    echo "$number $verdict $took"
                fi
                number=$((number + 1))
            done
            """;

    /** As many modules as one guest takes. */
    private static final int A_BOOT = 24;

    private void bootAll(List<String> files) throws Exception {
        Path boots = folder.resolve("boots.tsv");
        Map<String, String> known = boots();
        List<Row> open =
                rows().values().stream()
                        .filter(r -> r.verdict().equals("built") && files.contains(r.file()))
                        .filter(r -> !known.containsKey(r.file()))
                        .toList();
        for (int from = 0; from < open.size(); from += A_BOOT) {
            boot(open.subList(from, Math.min(open.size(), from + A_BOOT)), boots);
            System.out.printf("booted %d of %d%n", Math.min(open.size(), from + A_BOOT), open.size());
        }
    }

    private Map<String, String> boots() throws IOException {
        Map<String, String> boots = new HashMap<>();
        Path file = folder.resolve("boots.tsv");
        if (Files.exists(file)) {
            Files.readAllLines(file).forEach(l -> boots.put(l.substring(0, l.indexOf('\t')), l));
        }
        return boots;
    }

    /** Where a guest goes down or its log is not clean, halves tell which module it was. */
    private void boot(List<Row> modules, Path boots) throws Exception {
        List<Path> kos = new ArrayList<>();
        List<String> names = new ArrayList<>();
        for (Row row : modules) {
            kos.add(folder.resolve("modules").resolve("livepatch-" + row.message() + ".ko"));
            names.add("livepatch_" + row.message().replace('-', '_'));
        }
        List<String> targets = modules.stream().map(Row::target).distinct().toList();
        String settings =
                "NAMES='%s'\nTARGETS='%s'\n"
                        .formatted(
                                String.join(" ", names),
                                String.join(
                                        " ",
                                        targets.stream().filter(t -> !t.equals("vmlinux")).toList()));
        Path script = Files.createTempFile("sweep-", ".sh");
        Files.writeString(script, settings + LIFE);
        String problem;
        Map<Integer, String[]> said = new HashMap<>();
        try {
            ScriptResult result =
                    Lab.standard()
                            .run(
                                    kit.bootImage(),
                                    script,
                                    kos,
                                    TargetModule.find(kit.modules(), targets),
                                    new CpuProfile(CpuProfile.MAX, List.of()),
                                    Duration.ofMinutes(15),
                                    message -> {});
            result.run().output().lines().forEach(l -> {
                String[] words = l.split(" ", 4);
                said.put(Integer.parseInt(words[0]), words);
            });
            problem = result.logProblems().isEmpty() ? "" : result.logProblems().toString();
        } catch (RebootlessException e) {
            problem = e.getMessage();
        } finally {
            Files.delete(script);
        }
        if (!problem.isEmpty() && modules.size() > 1) {
            boot(modules.subList(0, modules.size() / 2), boots);
            boot(modules.subList(modules.size() / 2, modules.size()), boots);
            return;
        }
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < modules.size(); i++) {
            String[] words = said.getOrDefault(i, new String[] {"", "lost", "0"});
            lines.append(
                    String.join(
                            "\t",
                            modules.get(i).file(),
                            problem.isEmpty() ? words[1] : "log",
                            words[2],
                            (words.length > 3 ? words[3] : "") + problem.replace('\n', ' '))
                            + "\n");
        }
        Files.writeString(
                boots, lines.toString(), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    /** The changed files that the configuration builds; decided once, before anything is tried. */
    private List<String> plan(int sample, long seed) throws Exception {
        Path file = folder.resolve("plan-" + sample + "-" + seed + ".txt");
        if (Files.exists(file)) {
            return Files.readAllLines(file);
        }
        List<String> changed = new ArrayList<>();
        try (Stream<Path> all = Files.walk(kit.tree())) {
            for (Path path : (Iterable<Path>) all.filter(p -> p.toString().endsWith(".c"))::iterator) {
                Path relative = kit.tree().relativize(path);
                Path other = newer.resolve(relative);
                if (Files.isRegularFile(path)
                        && Files.isRegularFile(other)
                        && !relative.startsWith("tools")
                        && Files.mismatch(path, other) >= 0) {
                    changed.add(relative.toString());
                }
            }
        }
        Collections.sort(changed);
        int total = changed.size();
        Collections.shuffle(changed, new Random(seed));
        Set<String> units = new HashSet<>();
        new UnitCommands(kit.kernelTree())
                .all(message -> System.out.println(message))
                .forEach(unit -> units.add(unit.source()));
        List<String> all = changed.stream().filter(units::contains).toList();
        List<String> built = sample > 0 ? all.subList(0, Math.min(sample, all.size())) : all;
        System.out.printf(
                "%d changed .c files, %d that the configuration builds, %d taken%n",
                total, all.size(), built.size());
        Files.write(file, built);
        return built;
    }

    private void buildAll(List<String> files) throws Exception {
        Map<String, Row> known = rows();
        AtomicInteger done = new AtomicInteger(known.size());
        long start = System.nanoTime();
        List<Future<?>> running = new ArrayList<>();
        try (ExecutorService jobs = Executors.newFixedThreadPool(JOBS)) {
            for (String file : files) {
                if (!known.containsKey(file)) {
                    running.add(
                            jobs.submit(() -> {
                                Row row = one(file);
                                synchronized (this) {
                                    Files.writeString(
                                            table,
                                            row.line() + "\n",
                                            StandardOpenOption.CREATE,
                                            StandardOpenOption.APPEND);
                                }
                                System.out.printf(
                                        Locale.ROOT,
                                        "[%4.0f s] %d/%d %s %s %s%n",
                                        (System.nanoTime() - start) / 1e9,
                                        done.incrementAndGet(),
                                        files.size(),
                                        file,
                                        row.verdict(),
                                        row.codes());
                                return null;
                            }));
                }
            }
            for (Future<?> future : running) {
                future.get();
            }
        }
    }

    private synchronized Map<String, Row> rows() throws IOException {
        Map<String, Row> rows = new LinkedHashMap<>();
        if (Files.exists(table)) {
            for (String line : Files.readAllLines(table)) {
                Row row = Row.parse(line);
                rows.put(row.file(), row);
            }
        }
        return rows;
    }

    private Row one(String file) throws Exception {
        String name = file.replaceAll("\\.c$", "").replaceAll("[^A-Za-z0-9]+", "-").toLowerCase(Locale.ROOT);
        name = name.length() > 36 ? name.substring(name.length() - 36).replaceAll("^-+", "") : name;
        Path patch = patch(file, name);
        List<ObjectPair> pairs;
        String target = "";
        boolean dataEqual = false;
        double compile = 0;
        Path work = Files.createTempDirectory("sweep-");
        try {
            UnitCommands commands = new UnitCommands(kit.kernelTree());
            List<UnitCommand> units = commands.reachedBy(file);
            target = units.getFirst().target();
            UnitCompiler compiler =
                    new UnitCompiler(
                            kit.kernelTree(),
                            Optional.of(kit.facts().compiler().version()),
                            kit.facts().release() + "/" + kit.facts().buildId());
            PatchedTree tree = PatchedTree.apply(kit.tree(), SourcePatch.read(List.of(patch)));
            pairs = compiler.compile(tree, units, work);
            dataEqual = true;
            for (ObjectPair pair : pairs) {
                dataEqual &= data(pair.original()).equals(data(pair.patched()));
                compile =
                        Math.max(
                                compile,
                                Math.max(pair.originalTime().toMillis(), pair.patchedTime().toMillis())
                                        / 1e3);
            }
        } catch (RebootlessException e) {
            return row(file, target, "failed", e, false, compile, 0);
        } finally {
            try (Stream<Path> left = Files.walk(work)) {
                left.sorted(java.util.Comparator.reverseOrder()).forEach(p -> p.toFile().delete());
            }
        }
        long start = System.nanoTime();
        try {
            BuildOutcome outcome =
                    new Build(kit, message -> {}, false)
                            .run(
                                    new BuildRequest(
                                            List.of(patch),
                                            folder.resolve("modules"),
                                            Optional.of(name),
                                            true,
                                            List.of(),
                                            false,
                                            Optional.empty()));
            double seconds = (System.nanoTime() - start) / 1e9;
            String verdict = outcome instanceof BuildOutcome.Built ? "built" : "unchanged";
            return new Row(file, target, verdict, "", dataEqual, compile, seconds, name);
        } catch (RebootlessException e) {
            return row(file, target, "refused", e, dataEqual, compile, (System.nanoTime() - start) / 1e9);
        } catch (RuntimeException | Error e) {
            java.io.StringWriter trace = new java.io.StringWriter();
            e.printStackTrace(new java.io.PrintWriter(trace));
            return new Row(
                    file, target, "fault", e.getClass().getSimpleName(), dataEqual, compile, 0, trace.toString());
        }
    }

    private static Row row(
            String file, String target, String verdict, RebootlessException e, boolean dataEqual, double compile, double build) {
        String codes = String.join(",", e.problems().stream().map(p -> p.code()).distinct().sorted().toList());
        String text = String.join(" | ", e.problems().stream().map(p -> p.code() + ": " + p.place() + ": " + p.message()).toList());
        return new Row(file, target, verdict, codes, dataEqual, compile, build, text);
    }

    private Path patch(String file, String name) throws Exception {
        Path patches = Files.createDirectories(folder.resolve("patches"));
        Path patch = patches.resolve(name + ".patch");
        new ProcessBuilder(
                        "diff",
                        "-u",
                        "--label",
                        "a/" + file,
                        "--label",
                        "b/" + file,
                        kit.tree().resolve(file).toString(),
                        newer.resolve(file).toString())
                .redirectOutput(patch.toFile())
                .start()
                .waitFor(60, TimeUnit.SECONDS);
        return patch;
    }

    /** The named data of an object, without what the compiler named: name, size and content. */
    private static Map<String, Integer> data(Path object) throws IOException {
        Map<String, Integer> data = new HashMap<>();
        ElfObject elf = ElfReader.read(object);
        elf.symbols().stream()
                .filter(s -> s.isObject() && s.section().isPresent() && s.section().get().isAllocated())
                .forEach(s -> {
                    String name = s.name().replaceAll("\\.[0-9]+$", "");
                    String section = s.section().get().name();
                    if (COMPILER_MADE.matcher(name).matches()
                            || section.startsWith(".init")
                            || section.startsWith(".modinfo")) {
                        return;
                    }
                    byte[] bytes =
                            s.section().get().isNobits()
                                    ? new byte[0]
                                    : Arrays.copyOfRange(
                                            s.section().get().content(),
                                            (int) s.value(),
                                            (int) Math.min(s.section().get().content().length, s.value() + s.size()));
                    data.merge(name + " " + s.size() + " " + Arrays.hashCode(bytes), 1, Integer::sum);
                });
        return data;
    }

    private void report(List<String> files) throws IOException {
        Map<String, Row> rows = rows();
        List<Row> mine = files.stream().map(rows::get).toList();
        List<Row> compiled = mine.stream().filter(r -> !r.verdict().equals("failed")).toList();
        List<Row> equalData = compiled.stream().filter(Row::dataEqual).toList();
        System.out.println();
        System.out.printf("faults: %d%n", count(mine, "fault"));
        share("changed .c files that the configuration builds", mine);
        share("of these, that compile with their file alone", compiled);
        share("of these, whose two objects have equal named data", equalData);
        Map<String, Integer> codes = new TreeMap<>();
        mine.stream()
                .filter(r -> !r.codes().isEmpty())
                .forEach(r -> codes.merge(r.verdict() + " " + r.codes(), 1, Integer::sum));
        codes.entrySet().stream()
                .sorted((a, b) -> b.getValue() - a.getValue())
                .forEach(e -> System.out.printf("%5d %s%n", e.getValue(), e.getKey()));
        Map<String, String> boots = boots();
        Map<String, Integer> lives = new TreeMap<>();
        List<Integer> transitions = new ArrayList<>();
        for (Row row : mine) {
            String line = boots.get(row.file());
            if (row.verdict().equals("built") && line != null) {
                String[] words = line.split("\t", -1);
                lives.merge(words[1], 1, Integer::sum);
                transitions.add(Integer.parseInt(words[2]));
            }
        }
        Collections.sort(transitions);
        if (!transitions.isEmpty()) {
            System.out.printf(
                    Locale.ROOT,
                    "loaded, switched, unloaded: %s; load and transition: median %.2f s, longest %.2f s%n",
                    lives,
                    transitions.get(transitions.size() / 2) / 100.0,
                    transitions.getLast() / 100.0);
        }
        List<Double> ratios =
                compiled.stream()
                        .filter(r -> r.verdict().equals("built") && r.compileSeconds() > 0)
                        .map(r -> (r.buildSeconds() - 1) / r.compileSeconds())
                        .sorted()
                        .toList();
        if (!ratios.isEmpty()) {
            System.out.printf(
                    Locale.ROOT,
                    "median (build - 1 s) / compile, warm original: %.2f%n",
                    ratios.get(ratios.size() / 2));
        }
    }

    private static long count(List<Row> rows, String verdict) {
        return rows.stream().filter(r -> r.verdict().equals(verdict)).count();
    }

    private static void share(String what, List<Row> rows) {
        long good = count(rows, "built") + count(rows, "unchanged");
        System.out.printf(
                Locale.ROOT,
                "%-55s %4d: built %d, unchanged %d, refused %d: %.1f %%%n",
                what,
                rows.size(),
                count(rows, "built"),
                count(rows, "unchanged"),
                count(rows, "refused"),
                rows.isEmpty() ? 0.0 : 100.0 * good / rows.size());
    }
}
