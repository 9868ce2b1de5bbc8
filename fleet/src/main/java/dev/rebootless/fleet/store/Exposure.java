package dev.rebootless.fleet.store;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jspecify.annotations.Nullable;

/**
 * On how many systems each CVE is open, and on how many it is closed: what `rebootless cves` told
 * of each kernel build, joined with what hosts report of their livepatches. It is counted anew each
 * time, over the kernels and CVE sets that hosts have in common.
 */
public final class Exposure {
    /** Sets never change; each has some thousand numbers at most. */
    private static final int REMEMBERED_SETS = 2_000;

    private final Jdbi jdbi;
    private final Map<Integer, CveSet> sets =
            Collections.synchronizedMap(
                    new LinkedHashMap<>(64, 0.75f, true) {
                        @Override
                        protected boolean removeEldestEntry(
                                Map.@Nullable Entry<Integer, CveSet> eldest) {
                            return size() > REMEMBERED_SETS;
                        }
                    });

    /** In a database. */
    public Exposure(Database database) {
        this.jdbi = database.jdbi();
    }

    /**
     * Numbers of CVEs by their state, sorted.
     *
     * @param closing those that count as closed, sorted
     */
    private record CveSet(Map<CveStates.State, int[]> numbers, int[] closing) {
        static CveSet of(Map<CveStates.State, int[]> numbers) {
            return new CveSet(
                    numbers,
                    IntStream.concat(
                                    IntStream.of(in(numbers, CveStates.State.CLOSED)),
                                    IntStream.of(in(numbers, CveStates.State.CLOSED_UNREVIEWED)))
                            .sorted()
                            .toArray());
        }

        int[] in(CveStates.State state) {
            return in(numbers, state);
        }

        private static int[] in(Map<CveStates.State, int[]> numbers, CveStates.State state) {
            return numbers.getOrDefault(state, new int[0]);
        }
    }

    private record Kernel(int[] exposed, int[] notLoaded) {}

    /**
     * A CVE.
     *
     * @param title empty where no kernel's list has it
     * @param severity as module cve has it; {@code unknown} where nobody says
     * @param open systems whose kernel has it, and that nothing closes
     * @param notLoaded systems whose kernel has it in a module that was not loaded where it was
     *     looked at
     * @param states systems by what their livepatches do for it
     */
    public record Row(
            String id,
            String title,
            String severity,
            boolean knownExploited,
            long open,
            long notLoaded,
            Map<CveStates.State, Long> states) {}

    private static final class Counts {
        private long open;
        private long notLoaded;
        private final Map<CveStates.State, Long> states = new EnumMap<>(CveStates.State.class);
    }

    private record Group(Optional<String> buildId, int set, long hosts) {}

    /** All CVEs that any kernel has, or any livepatch names, by id. */
    public List<Row> all() {
        return jdbi.inTransaction(handle -> {
            Map<String, Kernel> kernels = kernels(handle);
            List<Group> groups = groups(handle);
            loadSets(handle, groups);
            Map<Integer, Counts> counts = new HashMap<>();
            countStates(groups, counts);
            kernels.forEach((buildId, kernel) -> {
                List<Group> theirs =
                        groups.stream()
                                .filter(g -> g.buildId().filter(buildId::equals).isPresent())
                                .toList();
                countOpen(kernel, theirs, counts);
            });
            return rows(handle, counts);
        });
    }

    private void countStates(List<Group> groups, Map<Integer, Counts> counts) {
        Map<Integer, Long> hostsOfSet = new HashMap<>();
        groups.forEach(group -> hostsOfSet.merge(group.set(), group.hosts(), Long::sum));
        hostsOfSet.forEach((number, hosts) -> {
            CveSet set = sets.get(number);
            if (set == null) {
                return;
            }
            for (CveStates.State state : CveStates.State.values()) {
                for (int cve : set.in(state)) {
                    of(cve, counts).states.merge(state, hosts, Long::sum);
                }
            }
        });
    }

    /** Both lists are sorted, and gone through side by side: there are many groups. */
    private void countOpen(Kernel kernel, List<Group> groups, Map<Integer, Counts> counts) {
        int[] exposed = kernel.exposed();
        long[] open = new long[exposed.length];
        long all = 0;
        for (Group group : groups) {
            all += group.hosts();
            CveSet set = sets.get(group.set());
            int[] closing = set == null ? new int[0] : set.closing();
            int at = 0;
            for (int i = 0; i < exposed.length; i++) {
                while (at < closing.length && closing[at] < exposed[i]) {
                    at++;
                }
                open[i] += at < closing.length && closing[at] == exposed[i] ? 0 : group.hosts();
            }
        }
        for (int i = 0; i < exposed.length; i++) {
            of(exposed[i], counts).open += open[i];
        }
        for (int cve : kernel.notLoaded()) {
            of(cve, counts).notLoaded += all;
        }
    }

    private static Counts of(int cve, Map<Integer, Counts> counts) {
        return counts.computeIfAbsent(cve, _ -> new Counts());
    }

    private static Map<String, Kernel> kernels(Handle handle) {
        Map<String, Kernel> kernels = new HashMap<>();
        handle.createQuery("SELECT build_id, exposed, not_loaded FROM kernel_exposure")
                .map((row, _) ->
                        kernels.put(
                                row.getString(1),
                                new Kernel(numbers(row.getArray(2)), numbers(row.getArray(3)))))
                .list();
        return kernels;
    }

    private static int[] numbers(java.sql.Array array) throws java.sql.SQLException {
        return Arrays.stream((Integer[]) array.getArray()).mapToInt(Integer::intValue).toArray();
    }

    private static List<Group> groups(Handle handle) {
        return handle.createQuery(
                        """
                        SELECT build_id, cve_set, sum(hosts) FROM system_class
                        WHERE hosts > 0 GROUP BY build_id, cve_set
                        """)
                .map((row, _) ->
                        new Group(
                                Optional.ofNullable(row.getString(1)),
                                row.getInt(2),
                                row.getLong(3)))
                .list();
    }

    private void loadSets(Handle handle, List<Group> groups) {
        List<Integer> missing =
                groups.stream()
                        .map(Group::set)
                        .distinct()
                        .filter(s -> !sets.containsKey(s))
                        .toList();
        if (missing.isEmpty()) {
            return;
        }
        handle.createQuery(
                        """
                        SELECT id, closed, closed_unreviewed, partly, pending, refused, unknown
                        FROM cve_set WHERE id = ANY(:ids)
                        """)
                .bind("ids", PostgresArray.integers(missing))
                .map((row, _) -> {
                    Map<CveStates.State, int[]> numbers = new EnumMap<>(CveStates.State.class);
                    for (CveStates.State state : CveStates.State.values()) {
                        numbers.put(state, numbers(row.getArray(state.word().replace('-', '_'))));
                    }
                    sets.put(row.getInt("id"), CveSet.of(numbers));
                    return true;
                })
                .list();
    }

    private static List<Row> rows(Handle handle, Map<Integer, Counts> counts) {
        return handle.createQuery(
                        """
                        SELECT n.number, n.id, d.title, d.severity, d.known_exploited
                        FROM cve_name n LEFT JOIN cve_detail d ON d.number = n.number
                        WHERE n.number = ANY(:numbers) ORDER BY n.id COLLATE "C"
                        """)
                .bind("numbers", PostgresArray.integers(counts.keySet()))
                .map((row, _) -> {
                    Counts found = counts.getOrDefault(row.getInt(1), new Counts());
                    return new Row(
                            row.getString(2),
                            Optional.ofNullable(row.getString(3)).orElse(""),
                            Optional.ofNullable(row.getString(4)).orElse("unknown"),
                            row.getBoolean(5),
                            found.open,
                            found.notLoaded,
                            found.states);
                })
                .list();
    }

    // ---- what is told of kernels ----

    /**
     * A CVE as {@code cves --json} has it.
     *
     * @param exposure not-built, not-loaded, exposed or unknown
     */
    public record Told(
            String id, String title, String severity, boolean knownExploited, String exposure) {}

    /**
     * A kernel build.
     *
     * @param comparedTo the version up to which CVEs were looked for
     */
    public record KernelBuild(
            String buildId, String release, String packageVersion, String comparedTo) {}

    /** Takes what was told of a kernel build, in the place of what was told before. */
    public void tell(KernelBuild kernel, List<Told> cves, Instant now, AuditLog.Writer audit) {
        CveNames.add(jdbi, cves.stream().map(Told::id).toList());
        jdbi.useTransaction(handle -> {
            audit.write(
                    handle,
                    "kernel.told",
                    kernel.buildId(),
                    Map.of("release", kernel.release(), "cves", String.valueOf(cves.size())));
            var details =
                    handle.prepareBatch(
                            """
                            INSERT INTO cve_detail (number, title, severity, known_exploited)
                            SELECT number, :title, :severity, :known_exploited
                            FROM cve_name WHERE id = :id
                            ON CONFLICT (number) DO UPDATE SET title = excluded.title,
                                severity = excluded.severity,
                                known_exploited = excluded.known_exploited
                            """);
            for (Told cve : cves) {
                details.bind("id", cve.id())
                        .bind("title", cve.title())
                        .bind("severity", cve.severity())
                        .bind("known_exploited", cve.knownExploited())
                        .add();
            }
            if (!cves.isEmpty()) {
                details.execute();
            }
            handle.createUpdate(
                            """
                            INSERT INTO kernel_exposure (build_id, release, package_version,
                                compared_to, told, exposed, not_loaded, unknown)
                            SELECT :build_id, :release, :package_version, :compared_to, :now,
                                ARRAY(SELECT number FROM cve_name WHERE id = ANY(:exposed) ORDER BY number),
                                ARRAY(SELECT number FROM cve_name WHERE id = ANY(:not_loaded) ORDER BY number),
                                ARRAY(SELECT number FROM cve_name WHERE id = ANY(:unknown) ORDER BY number)
                            ON CONFLICT (build_id) DO UPDATE SET release = excluded.release,
                                package_version = excluded.package_version,
                                compared_to = excluded.compared_to, told = excluded.told,
                                exposed = excluded.exposed, not_loaded = excluded.not_loaded,
                                unknown = excluded.unknown
                            """)
                    .bind("build_id", kernel.buildId())
                    .bind("release", kernel.release())
                    .bind("package_version", kernel.packageVersion())
                    .bind("compared_to", kernel.comparedTo())
                    .bind("now", now)
                    .bind("exposed", ids(cves, "exposed"))
                    .bind("not_loaded", ids(cves, "not-loaded"))
                    .bind("unknown", ids(cves, "unknown"))
                    .execute();
        });
    }

    private static org.jdbi.v3.core.argument.Argument ids(List<Told> cves, String exposure) {
        List<String> ids = new ArrayList<>();
        for (Told cve : cves) {
            if (cve.exposure().equals(exposure)) {
                ids.add(cve.id());
            }
        }
        return PostgresArray.texts(ids);
    }
}
