package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A livepatch that is loaded and unloaded a hundred times, while processes fork, write files and
 * send over lo, leaves the kernel's memory and tables as they were.
 */
@Tag("long")
class EnduranceTest {
    private static final int CYCLES = 100;

    /** What is made once and kept has been made by then. */
    private static final int EARLY = 20;

    private static final int BETWEEN = CYCLES - EARLY;

    /** Seconds of the same work without a livepatch, before each of the first two samples. */
    private static final int CONTROL = 10;

    /** Before the cycles, twice, and after some. */
    private static final List<String> EARLIER = List.of("before", "control", "early");

    /**
     * What leaks in each cycle leaks a page at least, or an object of a slab cache. So less than
     * that for each cycle is no leak of the livepatch's; and below it the figures move by
     * themselves, with what the work around it left in caches: by how much, the two samples show
     * that are taken before the livepatch is loaded at all. They go both ways, so the late sample
     * is held against the worst of those that came before it: what leaks is beyond all. Of a cache
     * with small objects, each of the guest's two CPUs may have taken a page in which all count as
     * used.
     */
    private static final long PAGES_KIB = 4L * BETWEEN;

    @TempDir Path folder;

    static Stream<Kit> kits() {
        return StockKernelKit.ofBothLines();
    }

    @ParameterizedTest
    @MethodSource("kits")
    void aLivepatchWithDataStringsAndKlpRelocationsLeavesNothingBehindIn100Cycles(Kit kit)
            throws IOException {
        Proving.Module module =
                new Proving(folder, kit).build("ipc-header", "filesystems-count", "version-line");
        assertThat(module.klpSymbols()).contains("file_systems,0", "linux_proc_banner,0");
        assertThat(module.definedSymbols()).contains("sysvipc_headers_shown", "sysvipc_words");
        endure(kit, module, "ipc-header", "filesystems-count", "version-line");
    }

    @ParameterizedTest
    @MethodSource("kits")
    void aLivepatchOfModulesLeavesNothingBehindIn100CyclesInBothOrdersOfLoading(Kit kit)
            throws IOException {
        Proving.Module module = new Proving(folder, kit).build("three-targets");
        assertThat(module.object().relocationTables())
                .anyMatch(table -> table.name().startsWith(".klp.rela.8021q."));
        endure(kit, module, "three-targets");
    }

    private void endure(Kit kit, Proving.Module module, String... checks) throws IOException {
        List<String> targets =
                module.manifest().objects().stream()
                        .map(o -> o.name())
                        .filter(n -> !n.equals("vmlinux"))
                        .toList();
        Map<String, String> said =
                new GuestScript("cycles")
                        .with("NAME", module.name())
                        .with("CYCLES", CYCLES)
                        .with("EARLY", EARLY)
                        .with("CONTROL", CONTROL)
                        .with("TARGETS", String.join(" ", targets))
                        .withCheck("shows", Stream.of(checks).map(Patches::check).toList())
                        .run(
                                kit,
                                folder,
                                List.of(module.file()),
                                new Proving(folder, kit).targets(module.manifest()),
                                Duration.ofHours(1));
        print(kit, module, said);

        for (String table : List.of("modules", "ftrace", "symbols", "livepatches")) {
            assertThat(number(said, "late." + table))
                    .as(table)
                    .isEqualTo(number(said, "before." + table));
        }
        assertThat(number(said, "late.symbols")).isZero();
        assertThat(number(said, "late.livepatches")).isZero();
        assertThat(leftOver(said).toList())
                .extracting(Use::name)
                .contains(
                        "taken",
                        "unreclaimable",
                        "vmalloc",
                        "percpu",
                        "slab.kmalloc-64",
                        "slab.kmalloc-1k",
                        "slab.task_struct");
        assertThat(leftOver(said).toList())
                .allSatisfy(
                        use -> assertThat(use.grown()).as(use.toString()).isLessThan(use.limit()));
        // The work went on between the samples, through all cycles; a busy host leaves it little.
        for (String work : GuestScript.WORK) {
            assertThat(number(said, "late.rounds." + work) - number(said, "early.rounds." + work))
                    .as(work)
                    .isGreaterThanOrEqualTo(BETWEEN / 4);
        }
    }

    /**
     * How much of something is in use: KiB, or objects of a slab cache.
     *
     * @param earlier at the samples of {@link #EARLIER}
     * @param limit what it may not grow by
     */
    private record Use(String name, List<Long> earlier, long late, long limit) {
        /** By how much it moved without a livepatch. */
        long moved() {
            return Math.abs(earlier.get(1) - earlier.get(0));
        }

        /** By how much more it is at last than at each sample before. */
        long grown() {
            return late - Collections.max(earlier);
        }

        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "%-28s %s, at last %d: grown by %d, moved by itself by %d, limit %d",
                    name,
                    earlier,
                    late,
                    grown(),
                    moved(),
                    limit);
        }
    }

    /** All that is measured. */
    private static Stream<Use> leftOver(Map<String, String> said) {
        return said.keySet().stream()
                .filter(key -> key.startsWith("late.use."))
                .map(key -> key.substring("late.use.".length()))
                .map(name -> {
                    boolean slab = name.startsWith("slab.");
                    // A cache that was not there had nothing in it.
                    List<Long> earlier =
                            EARLIER.stream()
                                    .map(when -> when + ".use." + name)
                                    .map(key ->
                                            slab && !said.containsKey(key) ? 0 : number(said, key))
                                    .toList();
                    return new Use(
                            name,
                            earlier,
                            number(said, "late.use." + name),
                            slab
                                    ? Math.max(BETWEEN, 1 + 2 * number(said, "page." + name))
                                    : PAGES_KIB);
                });
    }

    private static void print(Kit kit, Proving.Module module, Map<String, String> said) {
        StringBuilder text =
                new StringBuilder(
                        String.format(
                                Locale.ROOT,
                                "%s on %s: %d cycles, %.2f/s; in use %s%n",
                                module.name(),
                                kit.facts().release(),
                                CYCLES,
                                (double) CYCLES / Math.max(1, number(said, "seconds")),
                                EARLIER));
        leftOver(said)
                .filter(use ->
                        !use.name().startsWith("slab.") || use.grown() > 0 || use.moved() > 0)
                .forEach(use -> text.append("  ").append(use).append('\n'));
        for (String work : GuestScript.WORK) {
            text.append(
                    String.format(
                            Locale.ROOT,
                            "  work: %-22s %s, at last %s%n",
                            work,
                            EARLIER.stream().map(w -> said.get(w + ".rounds." + work)).toList(),
                            said.get("late.rounds." + work)));
        }
        System.err.print(text);
    }

    private static long number(Map<String, String> said, String key) {
        String value = said.get(key);
        assertThat(value).as(key).isNotNull().matches("[0-9]+");
        return Long.parseLong(String.valueOf(value));
    }
}
