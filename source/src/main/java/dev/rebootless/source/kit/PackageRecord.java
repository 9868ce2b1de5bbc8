package dev.rebootless.source.kit;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.DebianVersion;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One binary package that can be had.
 *
 * @param architecture {@code amd64} or {@code all}
 * @param source the source package it was built from
 * @param builtFrom the Debian source package of the kernel: for a signed image the one in {@code
 *     Built-Using}, since its own source package only adds the signatures
 * @param depends all alternatives of {@code Depends}
 * @param size of the .deb in bytes
 * @param sha256 of the .deb, 64 lower-case hexadecimal digits
 */
record PackageRecord(
        String name,
        DebianVersion version,
        String architecture,
        SourcePackage source,
        SourcePackage builtFrom,
        List<Dependency> depends,
        long size,
        String sha256) {
    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9+.-]{1,200}");
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    /**
     * {@code Source: linux-signed-amd64 (6.1.192+2)}; without brackets the package's own version.
     */
    private static final Pattern SOURCE =
            Pattern.compile("([a-z0-9][a-z0-9+.-]{1,200})(?:\\s+\\(([A-Za-z0-9.+~:-]{1,256})\\))?");

    /** A source package in one version. */
    record SourcePackage(String name, DebianVersion version) {
        @Override
        public String toString() {
            return name + " " + version;
        }
    }

    PackageRecord {
        depends = List.copyOf(depends);
        if (!NAME.matcher(name).matches()
                || !NAME.matcher(architecture).matches()
                || !SHA256.matcher(sha256).matches()
                || size <= 0) {
            throw bad(name, "its name, architecture, size or SHA256 is not well-formed");
        }
    }

    /**
     * From a stanza of {@code apt-cache show}. Empty when it describes an installed package that no
     * source serves any more: then there is nothing to download.
     */
    static Optional<PackageRecord> fromApt(Map<String, String> stanza) {
        String size = stanza.getOrDefault("size", "");
        String sha256 = stanza.getOrDefault("sha256", "");
        if (!stanza.containsKey("filename") || sha256.isEmpty() || !size.matches("\\d{1,15}")) {
            return Optional.empty();
        }
        return Optional.of(of(stanza, Long.parseLong(size), sha256));
    }

    /** One that a kit was made of, and that may not be served any more. */
    static PackageRecord kept(
            String name, String version, String architecture, long size, String sha256) {
        DebianVersion parsed = new DebianVersion(version);
        SourcePackage source = new SourcePackage(name, parsed);
        return new PackageRecord(
                name, parsed, architecture, source, source, List.of(), size, sha256);
    }

    /** From the control data inside a .deb and the file's own size and hash. */
    static PackageRecord of(Map<String, String> stanza, long size, String sha256) {
        String name = stanza.getOrDefault("package", "");
        String versionText = stanza.getOrDefault("version", "");
        if (versionText.isEmpty()) {
            throw bad(name, "it has no version");
        }
        DebianVersion version = new DebianVersion(versionText);
        SourcePackage source = new SourcePackage(name, version);
        Matcher matcher = SOURCE.matcher(stanza.getOrDefault("source", name));
        if (matcher.matches()) {
            source =
                    new SourcePackage(
                            matcher.group(1),
                            matcher.group(2) == null
                                    ? version
                                    : new DebianVersion(matcher.group(2)));
        }
        SourcePackage builtFrom = source;
        for (Dependency used : Dependency.parse(stanza.getOrDefault("built-using", ""))) {
            if (used.version().isPresent()
                    && (used.name().equals("linux") || used.name().startsWith("linux-"))) {
                builtFrom = new SourcePackage(used.name(), used.version().get());
            }
        }
        return new PackageRecord(
                name,
                version,
                stanza.getOrDefault("architecture", ""),
                source,
                builtFrom,
                Dependency.parse(stanza.getOrDefault("depends", "")),
                size,
                sha256);
    }

    /** The name that archives give the file; an epoch is left out of it. */
    String fileName() {
        String text = version.text();
        return name + "_" + text.substring(text.indexOf(':') + 1) + "_" + architecture + ".deb";
    }

    /** {@code name=version}, as apt takes it. */
    String spec() {
        return name + "=" + version;
    }

    private static RebootlessException bad(String name, String what) {
        return RebootlessException.environment(
                "RBL-PACKAGE",
                name.length() > 200 ? name.substring(0, 200) : name,
                "is no usable package: " + what,
                "fetch the package again, or run `apt-get update` if apt described it so");
    }
}
