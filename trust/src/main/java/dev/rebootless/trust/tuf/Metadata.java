package dev.rebootless.trust.tuf;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** What one role says (specification, section 4). */
public sealed interface Metadata {
    /** The version of the specification that this follows; another first number is not read. */
    String SPECIFICATION = "1.0.34";

    /** Counts up from 1. */
    int version();

    /** From then on it is not believed. */
    Instant expires();

    /** The kind, as it stands in metadata. */
    TufRole type();

    /** The fields beside type, version and end. */
    Map<String, Object> body();

    /** What is signed. */
    default Map<String, Object> fields() {
        Map<String, Object> fields = new TreeMap<>(body());
        fields.put("_type", type().word());
        fields.put("spec_version", SPECIFICATION);
        fields.put("version", version());
        fields.put("expires", expires().truncatedTo(ChronoUnit.SECONDS).toString());
        return fields;
    }

    /**
     * Who may sign for each role (section 4.3). The first is believed because it came with the
     * agent; each further one because the one before says who signs it.
     *
     * @param keys by their names, which are what {@link PublicKey#id} computes
     */
    record Root(
            int version,
            Instant expires,
            SortedMap<String, PublicKey> keys,
            SortedMap<TufRole, RoleKeys> roles)
            implements Metadata {
        public Root {
            keys = Collections.unmodifiableSortedMap(new TreeMap<>(keys));
            roles = Collections.unmodifiableSortedMap(new TreeMap<>(roles));
            for (TufRole role : TufRole.values()) {
                if (!roles.containsKey(role)) {
                    throw TufFault.Attack.MALFORMED.of("root", "nobody signs for " + role.word());
                }
            }
            requireNamed(keys);
        }

        /** Who signs for a role. */
        public RoleKeys signersOf(TufRole role) {
            return Objects.requireNonNull(roles.get(role));
        }

        @Override
        public TufRole type() {
            return TufRole.ROOT;
        }

        @Override
        public Map<String, Object> body() {
            Map<String, Object> all = new TreeMap<>();
            roles.forEach((role, who) -> all.put(role.word(), who.fields()));
            return Map.of("consistent_snapshot", true, "keys", keyFields(keys), "roles", all);
        }
    }

    /** Which snapshot is the newest (section 4.6). */
    record Timestamp(int version, Instant expires, int snapshotVersion, FileFacts snapshot)
            implements Metadata {
        @Override
        public TufRole type() {
            return TufRole.TIMESTAMP;
        }

        @Override
        public Map<String, Object> body() {
            Map<String, Object> snapshotFields = new TreeMap<>(snapshot.fields());
            snapshotFields.put("version", snapshotVersion);
            return Map.of("meta", Map.of("snapshot.json", snapshotFields));
        }
    }

    /**
     * Which versions of targets' metadata belong together (section 4.4).
     *
     * @param meta by the names of roles; {@code targets} is among them
     */
    record Snapshot(int version, Instant expires, SortedMap<String, Listed> meta)
            implements Metadata {
        /** One of them. */
        public record Listed(int version, FileFacts facts) {}

        public Snapshot {
            meta = Collections.unmodifiableSortedMap(new TreeMap<>(meta));
            if (!meta.containsKey(TufRole.TARGETS.word())) {
                throw TufFault.Attack.MALFORMED.of("snapshot", "it lists no targets");
            }
        }

        @Override
        public TufRole type() {
            return TufRole.SNAPSHOT;
        }

        @Override
        public Map<String, Object> body() {
            Map<String, Object> all = new TreeMap<>();
            meta.forEach((name, listed) -> {
                Map<String, Object> fields = new TreeMap<>(listed.facts().fields());
                fields.put("version", listed.version());
                all.put(name + ".json", fields);
            });
            return Map.of("meta", all);
        }
    }

    /**
     * Which files there are (section 4.5).
     *
     * @param role whose they are: where two roles have a key in common, the metadata of one must
     *     not pass for those of the other. The specification has no such field, and allows it
     * @param targets by path
     * @param keys of the delegations, by name
     * @param delegations in the order in which they are asked
     */
    record Targets(
            String role,
            int version,
            Instant expires,
            SortedMap<String, FileFacts> targets,
            SortedMap<String, PublicKey> keys,
            List<Delegation> delegations)
            implements Metadata {
        public Targets {
            targets = Collections.unmodifiableSortedMap(new TreeMap<>(targets));
            targets.keySet().forEach(TargetPath::require);
            keys = Collections.unmodifiableSortedMap(new TreeMap<>(keys));
            requireNamed(keys);
            delegations = List.copyOf(delegations);
            if (delegations.stream().map(Delegation::name).distinct().count()
                    != delegations.size()) {
                throw TufFault.Attack.MALFORMED.of("delegations", "two have one name");
            }
        }

        @Override
        public TufRole type() {
            return TufRole.TARGETS;
        }

        @Override
        public Map<String, Object> body() {
            Map<String, Object> all = new TreeMap<>();
            targets.forEach((path, facts) -> all.put(path, facts.fields()));
            Map<String, Object> body = new TreeMap<>();
            body.put("targets", all);
            body.put("role", role);
            if (!delegations.isEmpty()) {
                body.put(
                        "delegations",
                        Map.of(
                                "keys",
                                keyFields(keys),
                                "roles",
                                delegations.stream().map(Delegation::fields).toList()));
            }
            return body;
        }
    }

    private static Map<String, Object> keyFields(SortedMap<String, PublicKey> keys) {
        Map<String, Object> fields = new TreeMap<>();
        keys.forEach((id, key) -> fields.put(id, key.fields()));
        return fields;
    }

    /** A key under a foreign name could count twice, or stand in for another. */
    private static void requireNamed(SortedMap<String, PublicKey> keys) {
        keys.forEach((id, key) -> {
            if (!key.id().equals(id)) {
                throw TufFault.Attack.MALFORMED.of("keys", "a key has not the name " + id);
            }
        });
    }

    /**
     * Reads what was signed.
     *
     * @throws TufFault {@code RBL-TUF-FORMAT} for what is no metadata of this kind
     */
    static Metadata of(TufRole type, Fields fields) {
        if (!fields.text("_type").equals(type.word())) {
            throw TufFault.Attack.MALFORMED.of(
                    fields.place(), "it is no metadata of the kind " + type.word());
        }
        String first = SPECIFICATION.substring(0, SPECIFICATION.indexOf('.') + 1);
        if (!fields.text("spec_version").startsWith(first)) {
            throw TufFault.Attack.MALFORMED.of(
                    fields.place(), "it follows another specification than " + SPECIFICATION);
        }
        int version = fields.positive("version");
        Instant expires = fields.moment("expires");
        return switch (type) {
            case ROOT -> root(version, expires, fields);
            case TIMESTAMP -> {
                Fields snapshot = fields.object("meta").object("snapshot.json");
                yield new Timestamp(
                        version, expires, snapshot.positive("version"), FileFacts.of(snapshot));
            }
            case SNAPSHOT -> {
                SortedMap<String, Snapshot.Listed> meta = new TreeMap<>();
                fields.object("meta")
                        .objects()
                        .forEach((file, listed) ->
                                meta.put(
                                        roleOf(file),
                                        new Snapshot.Listed(
                                                listed.positive("version"), FileFacts.of(listed))));
                yield new Snapshot(version, expires, meta);
            }
            case TARGETS -> targets(version, expires, fields);
        };
    }

    private static String roleOf(String file) {
        String role = file.endsWith(".json") ? file.substring(0, file.length() - 5) : "";
        if (!role.equals(TufRole.TARGETS.word()) && !Delegation.isName(role)) {
            throw TufFault.Attack.MALFORMED.of("snapshot", "it lists what is no role's metadata");
        }
        return role;
    }

    private static Root root(int version, Instant expires, Fields fields) {
        if (!fields.flag("consistent_snapshot")) {
            throw TufFault.Attack.MALFORMED.of(
                    fields.place(), "only repositories with consistent snapshots are read");
        }
        SortedMap<TufRole, RoleKeys> roles = new TreeMap<>();
        for (TufRole role : TufRole.values()) {
            roles.put(role, RoleKeys.of(fields.object("roles").object(role.word())));
        }
        return new Root(version, expires, keys(fields.object("keys")), roles);
    }

    private static Targets targets(int version, Instant expires, Fields fields) {
        SortedMap<String, FileFacts> targets = new TreeMap<>();
        fields.object("targets").objects().forEach((path, f) -> targets.put(path, FileFacts.of(f)));
        Optional<Fields> delegations = fields.optional("delegations");
        return new Targets(
                fields.text("role"),
                version,
                expires,
                targets,
                delegations.map(d -> keys(d.object("keys"))).orElseGet(TreeMap::new),
                delegations
                        .map(d -> d.list("roles").stream().map(Delegation::of).toList())
                        .orElse(List.of()));
    }

    private static SortedMap<String, PublicKey> keys(Fields fields) {
        SortedMap<String, PublicKey> keys = new TreeMap<>();
        fields.objects().forEach((id, key) -> keys.put(id, PublicKey.of(key)));
        return keys;
    }
}
