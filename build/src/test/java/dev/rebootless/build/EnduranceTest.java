package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
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

    /**
     * What leaks in each cycle leaks a page at least, or an object of a slab cache. So less than
     * that for each cycle is no leak of the livepatch's; and below it the figures move by
     * themselves, with what the work around it left in caches. They go both ways, so the late
     * sample is held against the better of the two that came before it: what leaks is beyond both.
     * Of a cache with small objects, each of the guest's two CPUs may have taken a page in which
     * all count as used.
     */
    private static final long PAGES_KIB = 4L * BETWEEN;

    @TempDir Path folder;

    static Stream<Kit> kits() {
        return Stream.of(StockKernelKit.get());
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
        assertThat(lost(said, "free")).as("free memory, KiB less").isLessThan(PAGES_KIB);
        for (String use : List.of("unreclaimable", "vmalloc", "percpu")) {
            assertThat(grown(said, use)).as(use + ", KiB more").isLessThan(PAGES_KIB);
        }
        List<String> caches =
                said.keySet().stream()
                        .filter(key -> key.startsWith("late.slab."))
                        .map(key -> key.substring("late.".length()))
                        .toList();
        assertThat(caches).contains("slab.kmalloc-64", "slab.kmalloc-1k", "slab.task_struct");
        assertThat(caches)
                .allSatisfy(cache ->
                        assertThat(grown(said, cache))
                                .as(cache + ", objects more")
                                .isLessThan(
                                        Math.max(BETWEEN, 1 + 2 * number(said, "page." + cache))));
        for (String work : List.of("forks", "files", "network")) {
            assertThat(number(said, "rounds." + work)).as(work).isPositive();
        }
    }

    private static void print(Kit kit, Proving.Module module, Map<String, String> said) {
        StringBuilder text =
                new StringBuilder(
                        String.format(
                                Locale.ROOT,
                                "%s on %s: %d cycles, %.2f/s%n",
                                module.name(),
                                kit.facts().release(),
                                CYCLES,
                                (double) CYCLES / Math.max(1, number(said, "seconds"))));
        said.forEach((key, value) -> {
            if (key.startsWith("late.")) {
                String what = key.substring("late.".length());
                String early = said.getOrDefault("early." + what, "0");
                if (!what.startsWith("slab.") || !early.equals(value)) {
                    text.append(
                            String.format(
                                    "  %-28s before %8s, after %d cycles %8s, after %d %8s%n",
                                    what,
                                    said.getOrDefault("before." + what, "0"),
                                    EARLY,
                                    early,
                                    CYCLES,
                                    value));
                }
            } else if (key.startsWith("rounds.")) {
                text.append(String.format("  %-28s %s%n", key, value));
            }
        });
        System.err.print(text);
    }

    /** By how much less there is than in each sample before the late one. */
    private static long lost(Map<String, String> said, String key) {
        return Math.min(number(said, "before." + key), number(said, "early." + key))
                - number(said, "late." + key);
    }

    /** By how much more there is than in each sample before the late one. */
    private static long grown(Map<String, String> said, String key) {
        long before = 0;
        for (String when : List.of("before.", "early.")) {
            // A cache that was not there had nothing in it.
            boolean there = said.containsKey(when + key) || !key.startsWith("slab.");
            before = Math.max(before, there ? number(said, when + key) : 0);
        }
        return number(said, "late." + key) - before;
    }

    private static long number(Map<String, String> said, String key) {
        String value = said.get(key);
        assertThat(value).as(key).isNotNull().matches("[0-9]+");
        return Long.parseLong(String.valueOf(value));
    }
}
