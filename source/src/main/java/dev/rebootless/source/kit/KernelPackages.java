package dev.rebootless.source.kit;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.DebianVersion;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The four packages that a kit is made of, all of one kernel build. The {@code -dbg} package is not
 * among them, and neither is {@code linux-headers-*-common}: all it holds is in linux-source as
 * well.
 *
 * @param image {@code linux-image-RELEASE-unsigned}, or the signed {@code linux-image-RELEASE}: the
 *     same kernel, with signed modules
 * @param headers {@code linux-headers-RELEASE}: configuration, export CRCs, generated headers
 * @param kbuild {@code linux-kbuild-…}: objtool and conf, ready-made
 * @param source {@code linux-source-LINE}: of exactly the source package that the image was built
 *     from
 */
record KernelPackages(
        PackageRecord image, PackageRecord headers, PackageRecord kbuild, PackageRecord source) {
    private static final String IMAGE = "linux-image-";
    private static final String UNSIGNED = "-unsigned";

    /** Offered when a release is unknown. */
    private static final int NEAREST = 5;

    /** In the headers package's Depends: {@code gcc-12}, or {@code linux-compiler-gcc-12-x86}. */
    private static final Pattern COMPILER =
            Pattern.compile("(?:linux-compiler-)?(gcc-\\d{1,3})(?:-x86)?");

    private static final Comparator<PackageRecord> BY_VERSION =
            Comparator.comparing(PackageRecord::version);

    List<PackageRecord> all() {
        return List.of(image, headers, kbuild, source);
    }

    /** The package, and program, of the compiler that the kernel was built with. */
    String compilerPackage() {
        for (Dependency dependency : headers.depends()) {
            Matcher matcher = COMPILER.matcher(dependency.name());
            if (matcher.matches()) {
                return matcher.group(1);
            }
        }
        throw RebootlessException.environment(
                "RBL-PACKAGE",
                headers.spec(),
                "depends on no compiler, so the one that the kernel was built with is not known",
                "use the headers package of Debian");
    }

    /**
     * Finds the packages of a release.
     *
     * @param version of the image package; otherwise the newest
     * @throws RebootlessException exit status 5: {@code RBL-KERNEL-UNKNOWN} when there is no image
     *     of this release or version, {@code RBL-PACKAGE-MISSING} when one of the others is not
     *     served
     */
    static KernelPackages choose(
            PackageSource from, KernelRelease release, Optional<DebianVersion> version) {
        List<PackageRecord> served =
                from.versions(
                        List.of(
                                IMAGE + release + UNSIGNED,
                                IMAGE + release,
                                "linux-headers-" + release,
                                "linux-source-" + release.line()));
        List<PackageRecord> images =
                served.stream().filter(p -> p.name().startsWith(IMAGE)).toList();
        if (images.isEmpty()) {
            throw unknown(from, release);
        }
        PackageRecord image =
                images.stream()
                        .filter(p -> version.isEmpty() || p.version().compareTo(version.get()) == 0)
                        .max(BY_VERSION.thenComparing(p -> p.name().endsWith(UNSIGNED)))
                        .orElseThrow(() ->
                                RebootlessException.environment(
                                        "RBL-KERNEL-UNKNOWN",
                                        release + "=" + version.map(DebianVersion::text).orElse(""),
                                        from.describe() + " has no such version of this release",
                                        "choose one of " + versionsOf(images)));
        PackageRecord headers =
                served.stream()
                        .filter(p -> p.name().equals("linux-headers-" + release))
                        .filter(p -> p.builtFrom().equals(image.builtFrom()))
                        .max(BY_VERSION)
                        .orElseThrow(
                                () -> missing(from, "linux-headers-" + release, image, served));
        PackageRecord source =
                served.stream()
                        .filter(p -> p.name().equals("linux-source-" + release.line()))
                        .filter(p -> p.builtFrom().equals(image.builtFrom()))
                        .max(BY_VERSION)
                        .orElseThrow(() ->
                                missing(from, "linux-source-" + release.line(), image, served));
        return new KernelPackages(image, headers, kbuild(from, headers, image), source);
    }

    /**
     * linux-kbuild as the headers package wants it: of the same source where that is still served.
     * Archives keep only the newest linux-kbuild-6.1, and the headers packages say {@code (>= …)};
     * then the oldest one that is new enough.
     */
    private static PackageRecord kbuild(
            PackageSource from, PackageRecord headers, PackageRecord image) {
        for (Dependency dependency : headers.depends()) {
            if (dependency.name().startsWith("linux-kbuild-")) {
                List<PackageRecord> served = from.versions(List.of(dependency.name()));
                return served.stream()
                        .filter(p -> p.builtFrom().equals(image.builtFrom()))
                        .max(BY_VERSION)
                        .or(() ->
                                served.stream()
                                        .filter(p -> dependency.admits(p.version()))
                                        .min(BY_VERSION))
                        .orElseThrow(() -> missing(from, dependency.name(), image, served));
            }
        }
        throw RebootlessException.environment(
                "RBL-PACKAGE",
                headers.spec(),
                "depends on no linux-kbuild package",
                "use the headers package of Debian");
    }

    private static RebootlessException missing(
            PackageSource from, String name, PackageRecord image, List<PackageRecord> served) {
        List<PackageRecord> others = served.stream().filter(p -> p.name().equals(name)).toList();
        return RebootlessException.environment(
                "RBL-PACKAGE-MISSING",
                name,
                from.describe()
                        + " does not have the one built from "
                        + image.builtFrom()
                        + ", as "
                        + image.spec()
                        + " was"
                        + (others.isEmpty() ? "" : "; it has " + versionsOf(others)),
                "run `apt-get update`; where the archive has dropped it, take the .deb from https://snapshot.debian.org and use --from DIR");
    }

    private static String versionsOf(List<PackageRecord> packages) {
        return packages.stream()
                .map(PackageRecord::version)
                .sorted(Comparator.reverseOrder())
                .map(DebianVersion::text)
                .distinct()
                .collect(Collectors.joining(", "));
    }

    /** Every release that has an image package, of all flavours. */
    static NavigableSet<String> releases(PackageSource from) {
        NavigableSet<String> releases = new TreeSet<>();
        for (String name : from.names(IMAGE)) {
            if (name.matches("linux-image-\\d.*-\\w+.*") && !name.endsWith("-dbg")) {
                String release = name.substring(IMAGE.length());
                release =
                        release.endsWith(UNSIGNED)
                                ? release.substring(0, release.length() - UNSIGNED.length())
                                : release;
                try {
                    releases.add(new KernelRelease(release).text());
                } catch (RebootlessException e) {
                    // A metapackage such as linux-image-6.12-amd64.
                }
            }
        }
        return releases;
    }

    private static RebootlessException unknown(PackageSource from, KernelRelease wanted) {
        List<String> nearest = nearest(releases(from), wanted);
        return RebootlessException.environment(
                "RBL-KERNEL-UNKNOWN",
                wanted.text(),
                from.describe() + " has no image package of this release",
                nearest.isEmpty()
                        ? "add an apt source that has kernels, run `apt-get update`, or give the .deb files with --from"
                        : "choose one of "
                                + String.join(", ", nearest)
                                + "; or run `apt-get update`, or give the .deb files with --from");
    }

    /** The same flavour first, then by edit distance, the newer before the older. */
    static List<String> nearest(NavigableSet<String> releases, KernelRelease wanted) {
        return releases.stream()
                .sorted(
                        Comparator.comparingInt((String r) -> sameFlavour(r, wanted) ? 0 : 1)
                                .thenComparingInt(r -> distance(r, wanted.text()))
                                .thenComparing(DebianVersion::new, Comparator.reverseOrder()))
                .limit(NEAREST)
                .toList();
    }

    private static boolean sameFlavour(String release, KernelRelease wanted) {
        return new KernelRelease(release).flavour().equals(wanted.flavour());
    }

    /** Levenshtein's: how many characters to add, drop or change. Both have at most 64. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int change = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(change, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }

    /**
     * The newest cloud kernel of a line of which all packages are served.
     *
     * @param line such as {@code 6.1}
     */
    static Optional<KernelPackages> newestCloud(PackageSource from, String line) {
        return firstCloud(from, line, BY_VERSION.reversed());
    }

    /** The oldest of them. */
    static Optional<KernelPackages> oldestCloud(PackageSource from, String line) {
        return firstCloud(from, line, BY_VERSION);
    }

    private static Optional<KernelPackages> firstCloud(
            PackageSource from, String line, Comparator<PackageRecord> order) {
        List<String> names = new ArrayList<>();
        for (String release : releases(from)) {
            KernelRelease each = new KernelRelease(release);
            if (each.line().equals(line) && each.flavour().equals("cloud-amd64")) {
                names.add(IMAGE + release);
                names.add(IMAGE + release + UNSIGNED);
            }
        }
        List<PackageRecord> images = from.versions(names).stream().sorted(order).toList();
        for (PackageRecord image : images) {
            String release = image.name().substring(IMAGE.length()).replace(UNSIGNED, "");
            try {
                return Optional.of(
                        choose(from, new KernelRelease(release), Optional.of(image.version())));
            } catch (RebootlessException e) {
                // Its source or headers are not served (any more): the next one.
            }
        }
        return Optional.empty();
    }

    /** The release the image package is of. */
    KernelRelease release() {
        return new KernelRelease(image.name().substring(IMAGE.length()).replace(UNSIGNED, ""));
    }
}
