import dev.rebootless.base.RebootlessException;
import dev.rebootless.lab.CpuProfile;
import dev.rebootless.lab.Lab;
import dev.rebootless.lab.ScriptResult;
import dev.rebootless.lab.TargetModule;
import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Loads and unloads what was built on the older kernel, many in one boot. */
final class Boots {
    /** As many modules as one guest takes. */
    private static final int A_BOOT = 24;

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
                # A driver may find none of its hardware here; what needs it is left out then.
                for file in $(cat /targets/$target.files); do
                    [ -d /sys/module/$file ] || insmod /targets/$file.ko || break
                done
            done >/dev/null 2>&1
            number=0
            for livepatch in $LIVEPATCHES; do
                name=${livepatch%%:*}
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
                    for target in $(echo ${livepatch#*:} | tr , ' '); do
                        [ $target = vmlinux ] || [ -d /sys/module/$target ] || verdict=absent
                    done
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

    /**
     * What a boot showed of a module.
     *
     * @param verdict ok, absent (as ok, but a module that it patches finds no hardware here), insmod
     *     (refused), stalled, stays (cannot be removed), lost, log (kernel log not clean)
     * @param transition from insmod to the end of the transition, hundredths of seconds
     */
    record Result(String file, String verdict, int transition, String message) {
        private String line() {
            return String.join("\t", file, verdict, Integer.toString(transition), message) + "\n";
        }
    }

    private final Kit kit;
    private final Path folder;
    private final Path table;

    Boots(Kit kit, Path folder) {
        this.kit = kit;
        this.folder = folder;
        this.table = folder.resolve("boots.tsv");
    }

    void all(List<Row> rows) throws IOException {
        Map<String, Result> known = read();
        List<Row> open =
                rows.stream()
                        .filter(r -> r.is("built") && !known.containsKey(r.file()))
                        .toList();
        for (int from = 0; from < open.size(); from += A_BOOT) {
            int to = Math.min(open.size(), from + A_BOOT);
            boot(open.subList(from, to));
            System.out.printf("booted %d of %d%n", to, open.size());
        }
    }

    Map<String, Result> read() throws IOException {
        Map<String, Result> results = new HashMap<>();
        for (String line : Files.exists(table) ? Files.readAllLines(table) : List.<String>of()) {
            String[] c = line.split("\t", -1);
            if (c.length == 4) {
                results.put(c[0], new Result(c[0], c[1], Integer.parseInt(c[2]), c[3]));
            }
        }
        return results;
    }

    /** Where a guest goes down or its log is not clean, halves tell which module it was. */
    private void boot(List<Row> modules) throws IOException {
        List<Path> kos = new ArrayList<>();
        List<String> names = new ArrayList<>();
        for (Row row : modules) {
            kos.add(folder.resolve("modules").resolve("livepatch-" + row.message() + ".ko"));
            names.add("livepatch_" + row.message().replace('-', '_') + ":" + row.target());
        }
        List<String> targets =
                modules.stream()
                        .flatMap(r -> Arrays.stream(r.target().split(",")))
                        .filter(t -> !t.equals("vmlinux"))
                        .distinct()
                        .toList();
        Path script = Files.createTempFile("sweep-", ".sh");
        Files.writeString(
                script,
                "LIVEPATCHES='%s'\nTARGETS='%s'\n".formatted(String.join(" ", names), String.join(" ", targets)) + LIFE);
        Map<Integer, String[]> said = new HashMap<>();
        String problem;
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
                if (words.length >= 3 && words[0].matches("[0-9]+")) {
                    said.put(Integer.parseInt(words[0]), words);
                }
            });
            problem = result.logProblems().isEmpty() ? "" : result.logProblems().toString();
        } catch (RebootlessException e) {
            problem = e.getMessage();
        } finally {
            Files.delete(script);
        }
        if (!problem.isEmpty() && modules.size() > 1) {
            boot(modules.subList(0, modules.size() / 2));
            boot(modules.subList(modules.size() / 2, modules.size()));
            return;
        }
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < modules.size(); i++) {
            String[] words = said.getOrDefault(i, new String[] {"", "lost", "0"});
            String more = (words.length > 3 ? words[3] : "") + problem;
            lines.append(
                    new Result(
                                    modules.get(i).file(),
                                    problem.isEmpty() ? words[1] : "log",
                                    Integer.parseInt(words[2]),
                                    more.replace('\n', ' ').replace('\t', ' '))
                            .line());
        }
        Attempt.append(table, lines.toString());
    }
}
