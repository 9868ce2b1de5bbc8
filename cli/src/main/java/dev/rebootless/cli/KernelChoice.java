package dev.rebootless.cli;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.RunningKernel;
import dev.rebootless.kernel.DebianVersion;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.source.kit.KernelRelease;
import dev.rebootless.source.kit.KernelRequest;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Finds the kit of the kernel that a command is for, making it first where it is not there yet. */
final class KernelChoice {
    /** Debian 12's own line, for whoever names no kernel and runs none of Debian's. */
    static final String DEFAULT_LINE = "6.1";

    /**
     * As archives name the files, and apt where it downloads: {@code
     * linux-image-6.1.0-56-cloud-amd64-unsigned_6.1.192-2_amd64.deb}.
     */
    private static final Pattern IMAGE_FILE =
            Pattern.compile("linux-image-([^_]+?)(?:-unsigned)?_([^_]+)_amd64\\.deb");

    /** A folder with all kernel packages of Debian 12 has under 200. */
    private static final int MAX_FILES = 10_000;

    /** More builds than a person reads. */
    private static final int NAMED = 20;

    private final Kits kits;
    private final Console console;

    KernelChoice(Console console) {
        this.kits = new Kits(Kits.userCache(), console.progress());
        this.console = console;
    }

    /**
     * The kit of the kernel that {@code --kernel} names; without it, of the running kernel if it is
     * Debian's, else the only one that there is, else of the newest cloud kernel of the {@link
     * #DEFAULT_LINE} line that apt serves.
     *
     * @throws RebootlessException as {@link Kits#add}
     */
    Kit kit(Optional<String> asked) {
        if (asked.isEmpty() && running().isEmpty()) {
            List<Kit> there = kits.list();
            if (there.size() == 1) {
                console.step("for " + name(there.getFirst()) + ", the only kit there is");
                return there.getFirst();
            }
        }
        KernelRequest request = request(asked);
        // A kit that is there needs no questions to apt, which take a second.
        return kits.find(request.release(), request.version().map(DebianVersion::text))
                .orElseGet(() -> kits.add(request));
    }

    /**
     * The kernel build that is named; otherwise the running kernel if it is Debian's, else the
     * newest cloud kernel of the {@link #DEFAULT_LINE} line that apt serves.
     *
     * @throws RebootlessException exit status 2 when what is named is no kernel release; as {@link
     *     Kits#newestCloudRelease}
     */
    KernelRequest request(Optional<String> asked) {
        if (asked.isPresent()) {
            return KernelRequest.parse(asked.get());
        }
        Optional<KernelRequest> running = running();
        if (running.isPresent()) {
            console.step("for the running kernel, " + running.get());
            return running.get();
        }
        KernelRequest newest = kits.newestCloudRelease(DEFAULT_LINE);
        console.step(
                "for "
                        + newest
                        + ", the newest cloud kernel of the "
                        + DEFAULT_LINE
                        + " line that apt serves");
        return newest;
    }

    /**
     * The kernel build whose packages are in a folder: the one that is named, otherwise the only
     * one. What the running kernel is does not matter: whoever names a folder wants what is in it.
     *
     * @throws RebootlessException exit status 2: as {@link #request(Optional)}, and {@code
     *     RBL-PACKAGE-FOLDER} when none is named and the folder has not exactly one
     */
    KernelRequest request(Optional<String> asked, Path folder) {
        if (asked.isPresent()) {
            return KernelRequest.parse(asked.get()).from(folder);
        }
        KernelRequest only = onlyBuild(folder);
        console.step("for " + only + ", whose image package is in " + folder);
        return only.from(folder);
    }

    /**
     * By the names of the files: what is in them is looked at when the kit is made. A signed and an
     * unsigned package of one version hold the same build.
     */
    private static KernelRequest onlyBuild(Path folder) {
        SortedMap<String, KernelRequest> builds = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.limit(MAX_FILES).toList()) {
                Matcher image = IMAGE_FILE.matcher(String.valueOf(file.getFileName()));
                if (image.matches() && !image.group(1).endsWith("-dbg")) {
                    release(image.group(1))
                            .ifPresent(r ->
                                    builds.put(
                                            r + "=" + image.group(2),
                                            new KernelRequest(
                                                    r, Optional.empty(), Optional.empty())));
                }
            }
        } catch (IOException | UncheckedIOException e) {
            throw RebootlessException.usage(
                    "RBL-PACKAGE-FOLDER",
                    folder.toString(),
                    "is no folder that can be read",
                    "name the folder with the image, headers, kbuild and source packages");
        }
        if (builds.isEmpty()) {
            throw RebootlessException.usage(
                    "RBL-PACKAGE-FOLDER",
                    folder.toString(),
                    "has no image package, linux-image-RELEASE_VERSION_amd64.deb",
                    "put the image, headers, kbuild and source packages of the release into it,"
                            + " or name the release if the files have other names");
        }
        if (builds.size() > 1) {
            throw RebootlessException.usage(
                    "RBL-PACKAGE-FOLDER",
                    folder.toString(),
                    "has the image packages of "
                            + builds.size()
                            + " kernel builds: "
                            + String.join(", ", builds.keySet().stream().limit(NAMED).toList())
                            + (builds.size() > NAMED ? ", …" : ""),
                    "name one of them: rebootless kit add "
                            + builds.lastKey()
                            + " --from "
                            + folder);
        }
        return builds.firstEntry().getValue();
    }

    /** Empty for a package that only depends on the newest image, such as linux-image-amd64. */
    private static Optional<KernelRelease> release(String text) {
        try {
            return Optional.of(new KernelRelease(text));
        } catch (RebootlessException e) {
            return Optional.empty();
        }
    }

    /** The kit of the one kernel build that a module was made for. */
    Kit kit(Manifest.Kernel kernel) {
        KernelRelease release = new KernelRelease(kernel.release());
        return kits.find(release, Optional.of(kernel.buildId()))
                .orElseGet(() ->
                        made(
                                new KernelRequest(
                                        release,
                                        Optional.of(new DebianVersion(kernel.packageVersion())),
                                        Optional.empty()),
                                kernel.buildId(),
                                "the module is for " + kernel.buildId()));
    }

    /**
     * The kit of the kernel that runs here, made first where it is not there yet.
     *
     * @param release of the running kernel
     * @param buildId of it, hexadecimal
     * @throws RebootlessException exit status 5 {@code RBL-KERNEL-OTHER-BUILD} when what apt serves
     *     is not what runs, or the running kernel is none of Debian's; as {@link Kits#add}
     */
    Kit runningKit(String release, String buildId) {
        return release(release)
                .flatMap(r -> kits.find(r, Optional.of(buildId)))
                .orElseGet(() ->
                        made(
                                running()
                                        .orElseThrow(() ->
                                                otherBuild(
                                                        release,
                                                        "the running kernel is none that Debian shipped",
                                                        release)),
                                buildId,
                                buildId + " runs here"));
    }

    private Kit made(KernelRequest request, String buildId, String wanted) {
        Kit made = kits.add(request);
        if (!made.facts().buildId().equals(buildId)) {
            throw otherBuild(
                    name(made),
                    "has the build id " + made.facts().buildId() + ", and " + wanted,
                    made.facts().release());
        }
        return made;
    }

    private static RebootlessException otherBuild(String place, String message, String release) {
        return RebootlessException.environment(
                "RBL-KERNEL-OTHER-BUILD",
                place,
                message,
                "add the kit from the packages of that build: rebootless kit add "
                        + release
                        + " --from DIR");
    }

    private static Optional<KernelRequest> running() {
        try {
            return running(
                    System.getProperty("os.version"), Files.readString(Path.of("/proc/version")));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /**
     * The running kernel, if it is Debian's.
     *
     * @param release as {@code uname -r} prints it
     * @param version the content of /proc/version
     */
    static Optional<KernelRequest> running(String release, String version) {
        Optional<String> debian = RunningKernel.debianVersion(version);
        if (!version.contains("debian-kernel@lists.debian.org") || debian.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(
                    new KernelRequest(
                            new KernelRelease(release),
                            Optional.of(new DebianVersion(debian.get())),
                            Optional.empty()));
        } catch (RebootlessException e) {
            return Optional.empty();
        }
    }

    static String name(Kit kit) {
        return kit.facts().release() + "=" + kit.facts().packageVersion();
    }
}
