package dev.rebootless.fleet.store;

import java.util.Collection;
import java.util.SequencedSet;
import java.util.TreeSet;
import org.jdbi.v3.core.Jdbi;

/** CVE ids as short numbers, so that lists of thousands stay small. */
final class CveNames {
    /** Ten times as many as the kernel ever had: hosts may name what they like. */
    private static final int MOST = 200_000;

    private CveNames() {}

    /**
     * Gives numbers to those that have none; in order, so that no two wait for each other. When
     * there are too many, those that are new get none, and count nowhere.
     */
    static void add(Jdbi jdbi, Collection<String> ids) {
        if (ids.isEmpty()) {
            return;
        }
        SequencedSet<String> sorted = new TreeSet<>(ids);
        jdbi.useHandle(handle ->
                handle.createUpdate(
                                """
                                INSERT INTO cve_name (id)
                                SELECT n.id FROM unnest(:ids) AS n(id)
                                WHERE NOT EXISTS (SELECT FROM cve_name c WHERE c.id = n.id)
                                AND (SELECT count(*) FROM cve_name) < :most
                                ORDER BY n.id
                                ON CONFLICT (id) DO NOTHING
                                """)
                        .bind("ids", PostgresArray.texts(sorted))
                        .bind("most", MOST)
                        .execute());
    }
}
