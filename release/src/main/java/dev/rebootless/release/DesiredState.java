package dev.rebootless.release;

import dev.rebootless.trust.tuf.CanonicalJson;
import dev.rebootless.trust.tuf.Fields;
import dev.rebootless.trust.tuf.TufFault;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * What the hosts of one ring with one kernel build should run: a target under the role {@code
 * state} (docs/contract-fleet.md, "Desired state"). A livepatch that it does not name stays as it
 * is.
 *
 * @param buildId of the kernel, hexadecimal
 * @param release of the kernel, as {@code uname -r} prints it
 * @param ring a name of lower-case letters, digits and hyphens
 * @param version counts up from 1 with each change
 * @param load what is to be loaded
 * @param unload what is to be taken out where it is loaded
 * @param reversible what a server may have taken out, and until when
 */
public record DesiredState(
        String buildId,
        String release,
        String ring,
        int version,
        Optional<Load> load,
        List<Unload> unload,
        List<Reversible> reversible) {
    /** Version of this format. */
    public static final int SCHEMA_VERSION = 1;

    /** No list of a state is longer: one livepatch is in force, and few were before it. */
    public static final int MAX_ENTRIES = 64;

    /** A state has some lines; a list of CVEs at most a few thousand. */
    public static final long MAX_BYTES = 256 << 10;

    /** As {@code lib/buildid.c} of the kernel reads it: up to 20 bytes. */
    private static final Pattern BUILD_ID = Pattern.compile("(?:[0-9a-f]{2}){1,20}");

    private static final Pattern RELEASE = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._+~-]{0,63}");

    private static final Pattern RING = Pattern.compile("[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?");

    /** {@code MODULE_NAME_LEN} of include/linux/module.h is 56, with the zero at the end. */
    private static final Pattern MODULE = Pattern.compile("[A-Za-z0-9_]{1,55}");

    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    private static final Pattern CVE = Pattern.compile("CVE-[0-9]{4}-[0-9]{4,19}");

    public DesiredState {
        require(BUILD_ID, buildId, "build id");
        require(RELEASE, release, "kernel release");
        require(RING, ring, "ring");
        if (version < 1) {
            throw malformed("its version is not from 1 on");
        }
        unload = List.copyOf(unload);
        reversible = List.copyOf(reversible);
        if (unload.size() > MAX_ENTRIES || reversible.size() > MAX_ENTRIES) {
            throw malformed("it names more than " + MAX_ENTRIES + " livepatches");
        }
    }

    /**
     * A livepatch to be loaded.
     *
     * @param name of the module, as {@code /proc/modules} shows it
     * @param path of the target that has its bytes
     * @param sha256 of these, hexadecimal
     * @param cves that it closes
     */
    public record Load(String name, String path, String sha256, List<String> cves) {
        public Load {
            require(MODULE, name, "module's name");
            require(SHA256, sha256, "SHA-256");
            cves = List.copyOf(cves);
            cves.forEach(cve -> require(CVE, cve, "CVE id"));
        }

        private Map<String, Object> fields() {
            Map<String, Object> fields = new TreeMap<>();
            fields.put("name", name);
            fields.put("path", path);
            fields.put("sha256", sha256);
            fields.put("cves", cves);
            return fields;
        }
    }

    /** A livepatch to be taken out where it is loaded with exactly these bytes. */
    public record Unload(String name, String sha256) {
        public Unload {
            require(MODULE, name, "module's name");
            require(SHA256, sha256, "SHA-256");
        }
    }

    /**
     * The consent of those who sign the state that a server may order a livepatch out.
     *
     * @param sha256 of the module
     * @param until when it ends
     */
    public record Reversible(String sha256, Instant until) {
        public Reversible {
            require(SHA256, sha256, "SHA-256");
        }
    }

    /** The target in which a ring's state for a kernel build stands. */
    public static String path(String buildId, String ring) {
        require(BUILD_ID, buildId, "build id");
        requireRing(ring);
        return "state/" + buildId + "/" + ring + ".json";
    }

    /** Where it stands. */
    public String path() {
        return path(buildId, ring);
    }

    /**
     * Whether a ring may be called so.
     *
     * @throws TufFault {@code RBL-TUF-FORMAT}
     */
    public static String requireRing(String ring) {
        return require(RING, ring, "ring");
    }

    /** As a target. */
    public byte[] bytes() {
        Map<String, Object> fields = new TreeMap<>();
        fields.put("schemaVersion", SCHEMA_VERSION);
        fields.put("buildId", buildId);
        fields.put("release", release);
        fields.put("ring", ring);
        fields.put("version", version);
        fields.put("load", load.map(l -> List.of(l.fields())).orElse(List.of()));
        fields.put(
                "unload",
                unload.stream()
                        .map(u -> Map.<String, Object>of("name", u.name(), "sha256", u.sha256()))
                        .toList());
        fields.put(
                "reversible",
                reversible.stream()
                        .map(r ->
                                Map.<String, Object>of(
                                        "sha256", r.sha256(), "until", r.until().toString()))
                        .toList());
        return CanonicalJson.bytes(fields);
    }

    /**
     * Reads a target.
     *
     * @param place for messages
     * @throws TufFault {@code RBL-TUF-FORMAT} for what is none
     */
    public static DesiredState read(byte[] bytes, String place) {
        Fields fields = new Fields(place, CanonicalJson.parse(bytes, place));
        if (fields.number("schemaVersion") != SCHEMA_VERSION) {
            throw malformed("it is of another schema version than " + SCHEMA_VERSION);
        }
        List<Fields> load = fields.list("load");
        if (load.size() > 1) {
            throw malformed("it wants more than one livepatch loaded");
        }
        return new DesiredState(
                fields.text("buildId"),
                fields.text("release"),
                fields.text("ring"),
                fields.positive("version"),
                load.stream()
                        .findFirst()
                        .map(l ->
                                new Load(
                                        l.text("name"),
                                        l.text("path"),
                                        l.text("sha256"),
                                        l.texts("cves"))),
                fields.list("unload").stream()
                        .map(u -> new Unload(u.text("name"), u.text("sha256")))
                        .toList(),
                fields.list("reversible").stream()
                        .map(r -> new Reversible(r.text("sha256"), r.moment("until")))
                        .toList());
    }

    private static String require(Pattern pattern, String value, String what) {
        if (!pattern.matcher(value).matches()) {
            throw malformed("its " + what + " is none");
        }
        return value;
    }

    private static TufFault malformed(String why) {
        return TufFault.Attack.MALFORMED.of("desired state", why);
    }
}
