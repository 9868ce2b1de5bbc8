package dev.rebootless.source.kit;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;

/**
 * What is known of a kit: the content of its {@code kit.json}.
 *
 * @param schemaVersion of this record, {@value #SCHEMA_VERSION}
 * @param release what {@code uname -r} prints
 * @param buildId of the image, in lower-case hexadecimal digits (NT_GNU_BUILD_ID)
 * @param packageVersion of the image package
 * @param sourcePackage the Debian source package that image, headers and source were built from
 * @param sourceVersion its version
 * @param packages all that the kit was made of
 * @param toolchain of another suite of Debian, unpacked in the kit; empty where this machine's own
 *     programs are used
 * @param compiler the one that the kernel was built with, and that compiles its units
 * @param config the symbols that matter to live patching, with {@code n} for what is not set
 * @param vermagic as in every shipped module
 * @param banner what /proc/version shows
 * @param imageSha256 of the shipped vmlinuz
 * @param makeArguments what kbuild must be called with in the tree ({@link Kit#make})
 * @param diskBytes that the kit takes, without the cache of units
 * @param created when it was finished
 */
public record KitFacts(
        int schemaVersion,
        String release,
        String buildId,
        String packageVersion,
        String sourcePackage,
        String sourceVersion,
        List<UsedPackage> packages,
        Optional<Toolchain> toolchain,
        Compiler compiler,
        SortedMap<String, String> config,
        String vermagic,
        String banner,
        String imageSha256,
        List<String> makeArguments,
        long diskBytes,
        Instant created) {
    /** A kit written by a newer Rebootless with another number is none for this one. */
    public static final int SCHEMA_VERSION = 2;

    public KitFacts {
        packages = List.copyOf(packages);
        config = java.util.Collections.unmodifiableSortedMap(new java.util.TreeMap<>(config));
        makeArguments = List.copyOf(makeArguments);
    }

    /**
     * Whether the kernel can count the depth of calls instead of replacing returns ({@code
     * retbleed=stuff}): built since 6.2, under another name since 6.9. Without it, the kernel does
     * not know that parameter.
     */
    public boolean callDepthTracking() {
        return isBuiltIn("CONFIG_CALL_DEPTH_TRACKING")
                || isBuiltIn("CONFIG_MITIGATION_CALL_DEPTH_TRACKING");
    }

    private boolean isBuiltIn(String symbol) {
        return "y".equals(config.get(symbol));
    }

    /**
     * A package that was downloaded.
     *
     * @param sha256 of the .deb, which apt's signed lists vouch for; with {@code --from} only this
     *     file's own
     * @param size in bytes
     */
    public record UsedPackage(
            String name, String version, String architecture, String sha256, long size) {
        static UsedPackage of(PackageRecord used) {
            return new UsedPackage(
                    used.name(),
                    used.version().text(),
                    used.architecture(),
                    used.sha256(),
                    used.size());
        }
    }

    /**
     * Programs with all that they need.
     *
     * @param suite its code name
     * @param packages by name
     */
    public record Toolchain(String suite, List<UsedPackage> packages) {
        public Toolchain {
            packages = List.copyOf(packages);
        }
    }

    /**
     * A compiler.
     *
     * @param program such as {@code gcc-12}
     * @param version the first line of {@code PROGRAM --version}, which is CONFIG_CC_VERSION_TEXT
     * @param debianPackage that brings it, such as {@code gcc-12}
     */
    public record Compiler(String program, String version, String debianPackage) {}
}
