package dev.rebootless.fleet.store;

import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jspecify.annotations.Nullable;

/**
 * What hosts have in common, written once for all that have the same. A class never changes but for
 * the number of its hosts, so what is remembered here cannot be wrong; it may be gone, for classes
 * without hosts are removed after some time. Whoever counts a host in notices that ({@link
 * #forget}).
 */
public final class SystemClasses {
    /** More than most fleets have classes; a class needs some hundred bytes. */
    private static final int REMEMBERED = 20_000;

    private final Jdbi jdbi;
    private final Map<String, Integer> ids = bounded();
    private final Map<Integer, Kept> classes = bounded();
    private final Map<String, Integer> sets = bounded();

    /** What a report is answered with. */
    private record Kept(Membership membership, Optional<String> buildId) {}

    /** In a database. */
    public SystemClasses(Database database) {
        this.jdbi = database.aside();
    }

    private static <K, V> Map<K, V> bounded() {
        return Collections.synchronizedMap(
                new LinkedHashMap<>(64, 0.75f, true) {
                    @Override
                    protected boolean removeEldestEntry(Map.@Nullable Entry<K, V> eldest) {
                        return size() > REMEMBERED;
                    }
                });
    }

    /** Reads all anew from now on. */
    void forget() {
        ids.clear();
        classes.clear();
        sets.clear();
    }

    /** The number of a class, which is made where there is none yet. */
    int idOf(Membership membership, SystemFacts facts) {
        byte[] digest = facts.digest(membership);
        String key = HexFormat.of().formatHex(digest);
        Integer known = ids.get(key);
        if (known != null) {
            return known;
        }
        int id;
        try {
            id = newId(digest, membership, facts);
        } catch (RuntimeException e) {
            if (!Database.isForeignKey(e)) {
                throw e;
            }
            // Another process has removed the set of CVE states that is remembered here.
            forget();
            id = newId(digest, membership, facts);
        }
        ids.put(key, id);
        classes.put(id, new Kept(membership, facts.buildId()));
        return id;
    }

    private int newId(byte[] digest, Membership membership, SystemFacts facts) {
        return jdbi.inTransaction(handle -> {
            insert(handle, digest, membership, facts, setOf(facts.cves()));
            return handle.createQuery("SELECT id FROM system_class WHERE digest = :digest")
                    .bind("digest", digest)
                    .mapTo(Integer.class)
                    .one();
        });
    }

    private static void insert(
            Handle handle, byte[] digest, Membership membership, SystemFacts facts, int set) {
        handle.createUpdate(
                        """
                        INSERT INTO system_class (
                            digest, ring, tag, os, agent, release, build_id, package_version,
                            next_release, secure_boot, lockdown, reboot_required, in_force,
                            in_transition, foreign_ones, cve_set)
                        VALUES (
                            :digest, :ring, :tag, :os, :agent, :release, :build_id, :package_version,
                            :next_release, :secure_boot, :lockdown, :reboot_required, :in_force,
                            :in_transition, :foreign_ones, :cve_set)
                        ON CONFLICT (digest) DO NOTHING
                        """)
                .bind("digest", digest)
                .bind("ring", membership.ring())
                .bind("tag", membership.tag())
                .bind("os", facts.os())
                .bind("agent", facts.agent())
                .bind("release", facts.release())
                .bind("build_id", facts.buildId())
                .bind("package_version", facts.packageVersion())
                .bind("next_release", facts.nextRelease())
                .bind("secure_boot", facts.secureBoot())
                .bind("lockdown", facts.lockdown())
                .bind("reboot_required", facts.rebootRequired())
                .bind("in_force", PostgresArray.texts(facts.inForce()))
                .bind("in_transition", PostgresArray.texts(facts.inTransition()))
                .bind("foreign_ones", PostgresArray.texts(facts.foreign()))
                .bind("cve_set", set)
                .execute();
    }

    /** The same class in another ring; its facts are read back, for nobody remembers them. */
    int idInRing(int id, String ring) {
        SystemFacts facts = jdbi.withHandle(handle -> SystemClassRows.facts(handle, id));
        Membership before =
                membershipOf(id).orElseThrow(() -> new IllegalStateException("no class " + id));
        return idOf(new Membership(ring, before.tag()), facts);
    }

    private int setOf(CveStates cves) {
        byte[] digest = cves.digest();
        String key = HexFormat.of().formatHex(digest);
        Integer known = sets.get(key);
        if (known != null) {
            return known;
        }
        CveNames.add(jdbi, cves.states().keySet());
        int id =
                jdbi.inTransaction(handle -> {
                    insertSet(handle, digest, cves);
                    return handle.createQuery("SELECT id FROM cve_set WHERE digest = :digest")
                            .bind("digest", digest)
                            .mapTo(Integer.class)
                            .one();
                });
        sets.put(key, id);
        return id;
    }

    private static void insertSet(Handle handle, byte[] digest, CveStates cves) {
        var update =
                handle.createUpdate(
                                """
                                INSERT INTO cve_set (
                                    digest, closed, closed_unreviewed, partly, pending, refused, unknown)
                                SELECT :digest, %s, %s, %s, %s, %s, %s
                                ON CONFLICT (digest) DO NOTHING
                                """
                                        .formatted(
                                                numbers("closed"),
                                                numbers("closed_unreviewed"),
                                                numbers("partly"),
                                                numbers("pending"),
                                                numbers("refused"),
                                                numbers("unknown")))
                        .bind("digest", digest);
        for (CveStates.State state : CveStates.State.values()) {
            update.bind(state.word().replace('-', '_'), PostgresArray.texts(cves.in(state)));
        }
        update.execute();
    }

    /** The numbers of the CVEs that are bound under a name, sorted. */
    private static String numbers(String name) {
        return "ARRAY(SELECT number FROM cve_name WHERE id = ANY(:%s) ORDER BY number)"
                .formatted(name);
    }

    /** Ring and tag of a class; empty when there is no such class. */
    Optional<Membership> membershipOf(int id) {
        return kept(id).map(Kept::membership);
    }

    /** The kernel build of a class, where it is known. */
    Optional<String> buildIdOf(int id) {
        return kept(id).flatMap(Kept::buildId);
    }

    private Optional<Kept> kept(int id) {
        Kept known = classes.get(id);
        if (known != null) {
            return Optional.of(known);
        }
        Optional<Kept> found =
                jdbi.withHandle(handle ->
                        handle.createQuery(
                                        """
                                        SELECT ring, tag, build_id FROM system_class
                                        WHERE id = :id
                                        """)
                                .bind("id", id)
                                .map((row, _) ->
                                        new Kept(
                                                new Membership(row.getString(1), row.getString(2)),
                                                Optional.ofNullable(row.getString(3))))
                                .findOne());
        found.ifPresent(kept -> classes.put(id, kept));
        return found;
    }

    /**
     * Counts hosts in and out, as the last thing of a transaction: the rows are many hosts', and
     * locked until its end. Always in the order of the numbers, so that two transactions never wait
     * for each other.
     *
     * @param changes how many more hosts each class has
     * @return false when a class is gone; then nothing of the transaction may stay
     */
    static boolean count(Handle handle, Map<Integer, Integer> changes) {
        List<Integer> classes =
                changes.entrySet().stream()
                        .filter(e -> e.getValue() != 0)
                        .map(Map.Entry::getKey)
                        .sorted()
                        .toList();
        if (classes.isEmpty()) {
            return true;
        }
        int counted =
                handle.createUpdate(
                                """
                                WITH locked AS (
                                    SELECT id FROM system_class WHERE id = ANY(:classes)
                                    ORDER BY id FOR UPDATE)
                                UPDATE system_class c SET hosts = c.hosts + n.more
                                FROM locked, unnest(:classes, :more) AS n(id, more)
                                WHERE c.id = locked.id AND c.id = n.id
                                """)
                        .bind("classes", PostgresArray.integers(classes))
                        .bind(
                                "more",
                                PostgresArray.integers(classes.stream().map(changes::get).toList()))
                        .execute();
        return counted == classes.size();
    }

    /**
     * Removes classes that have had no host for a while, and sets of CVE states without a class.
     */
    public void removeUnused() {
        removeFromDatabase();
        // A set that is gone must not be given to a new class.
        forget();
    }

    private void removeFromDatabase() {
        jdbi.useTransaction(handle -> {
            handle.execute(
                    """
                    DELETE FROM system_class
                    WHERE hosts = 0 AND created < now() - interval '1 hour'
                    """);
            handle.execute(
                    """
                    DELETE FROM cve_set s
                    WHERE created < now() - interval '1 hour'
                    AND NOT EXISTS (SELECT FROM system_class c WHERE c.cve_set = s.id)
                    """);
        });
    }
}
