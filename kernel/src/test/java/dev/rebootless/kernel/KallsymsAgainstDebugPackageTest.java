package dev.rebootless.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * All symbols decoded from vmlinuz against the System.map of the -dbg package, which the kernel's
 * build wrote with nm from the vmlinux that still had its symbol table.
 *
 * <p>The two are the same but for what scripts/kallsyms.c does on the way from the one (its input
 * is made by the same scripts/mksysmap) to the other. Each of these is redone here, counted and
 * printed; nothing else may differ.
 */
class KallsymsAgainstDebugPackageTest {
    /** is_ignored_symbol(): what changes between the passes of the link, and absolute symbols. */
    private enum LeftOut {
        KALLSYMS_ITSELF,
        ABSOLUTE
    }

    private record Line(long address, char type, String name) {}

    @Test
    @Tag("long")
    void everySymbolIsTheDebugPackagesInNameOrderAndAddress() throws Exception {
        String release = TestPackages.newestRelease("6.1", "cloud-amd64");
        KernelSymbols decoded = KernelImage.open(TestPackages.vmlinuz(release)).symbols();
        Path map =
                TestPackages.file(
                        TestPackages.deb("linux-image-" + release + "-dbg"),
                        "usr/lib/debug/boot/System.map-" + release);
        List<Line> all = read(map);

        Map<LeftOut, List<String>> leftOut = new TreeMap<>();
        List<Line> expected = new ArrayList<>();
        for (Line line : all) {
            if (line.name().startsWith("kallsyms_") && isATable(line.name())) {
                leftOut.computeIfAbsent(LeftOut.KALLSYMS_ITSELF, k -> new ArrayList<>())
                        .add(line.name());
            } else if (line.type() == 'A' || line.type() == 'a') {
                leftOut.computeIfAbsent(LeftOut.ABSOLUTE, k -> new ArrayList<>()).add(line.name());
            } else {
                expected.add(line);
            }
        }
        int perCpu = makePerCpuAbsolute(expected);
        List<Line> asInTheMap = List.copyOf(expected);
        expected.sort(KALLSYMS_ORDER);
        int moved = 0;
        for (int i = 0; i < expected.size(); i++) {
            moved += expected.get(i).equals(asInTheMap.get(i)) ? 0 : 1;
        }
        List<Line> got =
                decoded.all().stream().map(s -> new Line(s.address(), s.type(), s.name())).toList();

        System.out.printf(
                "%s: %d lines in System.map, %d symbols decoded; left out by scripts/kallsyms.c: %s; per-CPU, type set to A: %d; in another place among those of the same address: %d%n",
                release, all.size(), got.size(), leftOut, perCpu, moved);
        assertThat(all).hasSizeGreaterThan(50_000);
        assertThat(leftOut.values().stream().mapToInt(List::size).sum())
                .isEqualTo(all.size() - got.size());
        assertThat(leftOut.get(LeftOut.KALLSYMS_ITSELF)).hasSize(8);
        assertThat(leftOut.get(LeftOut.ABSOLUTE)).isNotEmpty().doesNotContain("__gp");
        // One by one: a difference is shown by itself, not among 87,000.
        for (int i = 0; i < Math.min(got.size(), expected.size()); i++) {
            assertThat(got.get(i)).as("symbol " + i).isEqualTo(expected.get(i));
        }
        assertThat(got).hasSameSizeAs(expected);
    }

    private static boolean isATable(String name) {
        return List.of(
                        "kallsyms_addresses",
                        "kallsyms_offsets",
                        "kallsyms_relative_base",
                        "kallsyms_num_syms",
                        "kallsyms_names",
                        "kallsyms_markers",
                        "kallsyms_token_table",
                        "kallsyms_token_index",
                        "kallsyms_seqs_of_names")
                .contains(name);
    }

    private static List<Line> read(Path map) throws IOException {
        List<Line> lines = new ArrayList<>();
        for (String line : Files.readAllLines(map)) {
            lines.add(
                    new Line(
                            Long.parseUnsignedLong(line, 0, 16, 16),
                            line.charAt(17),
                            line.substring(19)));
        }
        return lines;
    }

    /** make_percpus_absolute(). */
    private static int makePerCpuAbsolute(List<Line> lines) {
        long end =
                lines.stream()
                        .filter(line -> line.name().equals("__per_cpu_end"))
                        .mapToLong(Line::address)
                        .findFirst()
                        .orElseThrow();
        int count = 0;
        for (int i = 0; i < lines.size(); i++) {
            Line line = lines.get(i);
            if (Long.compareUnsigned(line.address(), end) <= 0) {
                lines.set(i, new Line(line.address(), 'A', line.name()));
                count++;
            }
        }
        return count;
    }

    /** compare_symbols(); the sort is stable, which stands for its last comparison. */
    private static final Comparator<Line> KALLSYMS_ORDER =
            Comparator.comparing(Line::address, Long::compareUnsigned)
                    .thenComparing(line -> line.type() == 'w' || line.type() == 'W')
                    .thenComparing(line -> mayBeFromTheLinkerScript(line.name()))
                    .thenComparingInt(line ->
                            line.name().length() - line.name().replaceFirst("^_+", "").length());

    private static boolean mayBeFromTheLinkerScript(String name) {
        return name.length() >= 8
                && name.startsWith("__")
                && (name.startsWith("start_", 2)
                        || name.startsWith("stop_", 2)
                        || name.startsWith("end_", 2)
                        || name.endsWith("_start")
                        || name.endsWith("_end"));
    }
}
