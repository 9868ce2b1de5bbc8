package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Subprocess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The host's table of size and speed, measured in a guest; run by {@code script/bench --host}, on
 * an otherwise idle machine. A guest without hardware to help it is many times slower than a
 * machine, so times are given as multiples of what {@code java -version} of the same runtime takes
 * in the same guest, alternately; and times that are bound in milliseconds are divided by how much
 * longer that takes in the guest than on this machine.
 */
class HostSpeedInGuest {
    private static final int ROUNDS = 15;
    private static final int LOADS = 7;

    /** Bounds of issue 4. */
    private static final double STATUS_TIMES_JAVA = 8;

    private static final double RESIDENT_MIB = 64;
    private static final double UNPACKED_MIB = 60;
    private static final double OWN_SHARE_MS = 250;

    /** The kernel's own times of a transition (kernel/livepatch/transition.c). */
    private static final Pattern STARTS =
            Pattern.compile("\\[ *([0-9.]+)\\] livepatch: .*starting patching transition");

    private static final Pattern COMPLETE =
            Pattern.compile("\\[ *([0-9.]+)\\] livepatch: .*patching complete");

    private record Row(String what, double measured, String unit, double bound) {
        String text() {
            return String.format(
                    Locale.ROOT,
                    "bench: %-62s %8.2f %-3s  at most %.0f  %s",
                    what,
                    measured,
                    unit,
                    bound,
                    measured <= bound ? "ok" : "MISSED");
        }
    }

    @Test
    void theTableOfSizeAndSpeedIsWithinItsBounds(@TempDir Path folder) throws Exception {
        List<Row> rows = new ArrayList<>();
        GuestFiles files = new GuestFiles("6.1", folder).twoVersions();
        Path home = folder.resolve("files/host/usr/lib/rebootless");
        rows.add(new Row("runtime and tool, unpacked", mebibytes(home), "MiB", UNPACKED_MIB));
        double here = javaHere(home.resolve("runtime/bin/java"));
        try (HostGuest host = files.boot()) {
            List<double[]> rounds = table(host, ROUNDS, "rebootless status");
            double java = median(rounds, 0);
            double slower = java / here;
            System.err.printf(
                    Locale.ROOT,
                    "bench: java -version takes %.0f ms here and %.0f ms in the guest: %.1f times%n",
                    here,
                    java,
                    slower);
            rows.add(
                    new Row(
                            "status / java -version, same guest, median of " + ROUNDS,
                            median(rounds, 1) / java,
                            "x",
                            STATUS_TIMES_JAVA));
            String peak =
                    host.run("/usr/bin/time -f %M rebootless status 2>&1 >/dev/null").out().strip();
            rows.add(
                    new Row(
                            "memory of status at its peak",
                            Long.parseLong(peak) / 1024.0,
                            "MiB",
                            RESIDENT_MIB));
            rows.add(
                    new Row(
                            "processes after the call",
                            host.run("pgrep -f HostMain").out().lines().count(),
                            "",
                            0));
            double[] own = new double[LOADS];
            for (int i = 0; i < LOADS; i++) {
                own[i] = ownShare(host) / slower;
            }
            Arrays.sort(own);
            rows.add(
                    new Row(
                            "own share of a load, by the guest's slowness, median of " + LOADS,
                            own[LOADS / 2],
                            "ms",
                            OWN_SHARE_MS));
        }
        rows.forEach(row -> System.err.println(row.text()));
        assertThat(rows)
                .allSatisfy(row -> assertThat(row.measured()).isLessThanOrEqualTo(row.bound()));
    }

    /** Milliseconds of java -version and of a command, taken alternately. */
    private static List<double[]> table(HostGuest host, int rounds, String command)
            throws Exception {
        String out =
                host.run(
                                """
                                for i in $(seq %d); do
                                    a=$(date +%%s%%N)
                                    /usr/lib/rebootless/runtime/bin/java -version 2>/dev/null
                                    b=$(date +%%s%%N)
                                    %s >/dev/null
                                    c=$(date +%%s%%N)
                                    echo "$((b - a)) $((c - b))"
                                done
                                """
                                        .formatted(rounds, command))
                        .requireStatus(0)
                        .out();
        return out.lines()
                .map(line -> Stream.of(line.split(" ")).mapToDouble(n -> Long.parseLong(n) / 1e6))
                .map(java.util.stream.DoubleStream::toArray)
                .toList();
    }

    private static double median(List<double[]> rounds, int column) {
        double[] all = rounds.stream().mapToDouble(r -> r[column]).sorted().toArray();
        return all[all.length / 2];
    }

    private static double javaHere(Path java) {
        double[] all = new double[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            long start = System.nanoTime();
            assertThat(Subprocess.of(java.toString(), "-version").run().ok()).isTrue();
            all[i] = (System.nanoTime() - start) / 1e6;
        }
        Arrays.sort(all);
        return all[ROUNDS / 2];
    }

    private static double mebibytes(Path folder) throws Exception {
        try (Stream<Path> all = Files.walk(folder)) {
            long bytes = 0;
            for (Path file : all.filter(Files::isRegularFile).toList()) {
                bytes += Files.size(file);
            }
            return bytes / 1024.0 / 1024;
        }
    }

    /** Milliseconds of a load, without those from the start of its transition to its end. */
    private static double ownShare(HostGuest host) throws Exception {
        DebianGuest.Result load =
                host.run(
                                """
                                dmesg -C
                                a=$(date +%s%N)
                                rebootless load --watch 0 --unproven /opt/livepatch-first.ko 2>/dev/null || exit
                                b=$(date +%s%N)
                                echo "took $((b - a))"
                                dmesg
                                rebootless unload livepatch_first 2>/dev/null
                                """)
                        .requireStatus(0);
        double took = number(Pattern.compile("took ([0-9]+)"), load.out()) / 1e6;
        return took - 1e3 * (number(COMPLETE, load.out()) - number(STARTS, load.out()));
    }

    private static double number(Pattern pattern, String text) {
        Matcher matcher = pattern.matcher(text);
        assertThat(matcher.find()).as(text).isTrue();
        return Double.parseDouble(matcher.group(1));
    }
}
