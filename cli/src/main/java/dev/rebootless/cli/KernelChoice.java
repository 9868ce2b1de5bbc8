package dev.rebootless.cli;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.source.kit.DebianVersion;
import dev.rebootless.source.kit.KernelRelease;
import dev.rebootless.source.kit.KernelRequest;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds the kit of the kernel that a command is for, making it first where it is not there yet. */
final class KernelChoice {
    /** The line that is served, for whoever names no kernel and runs none of Debian's. */
    static final String DEFAULT_LINE = "6.1";

    /**
     * The version in Debian's /proc/version: {@code #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2
     * (2026-11-16)}.
     */
    private static final Pattern DEBIAN = Pattern.compile(" Debian ([0-9][A-Za-z0-9.+~:-]{1,60})");

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

    /** The kit of the one kernel build that a module was made for. */
    Kit kit(Manifest.Kernel kernel) {
        KernelRelease release = new KernelRelease(kernel.release());
        Optional<Kit> there = kits.find(release, Optional.of(kernel.buildId()));
        return there.orElseGet(() -> {
            Kit made =
                    kits.add(
                            new KernelRequest(
                                    release,
                                    Optional.of(new DebianVersion(kernel.packageVersion())),
                                    Optional.empty()));
            if (!made.facts().buildId().equals(kernel.buildId())) {
                throw RebootlessException.environment(
                        "RBL-KERNEL-OTHER-BUILD",
                        name(made),
                        "has the build id "
                                + made.facts().buildId()
                                + ", and the module is for "
                                + kernel.buildId(),
                        "add the kit from the packages of that build: rebootless kit add "
                                + kernel.release()
                                + " --from DIR");
            }
            return made;
        });
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
        Matcher debian = DEBIAN.matcher(version);
        if (!version.contains("debian-kernel@lists.debian.org") || !debian.find()) {
            return Optional.empty();
        }
        try {
            return Optional.of(
                    new KernelRequest(
                            new KernelRelease(release),
                            Optional.of(new DebianVersion(debian.group(1))),
                            Optional.empty()));
        } catch (RebootlessException e) {
            return Optional.empty();
        }
    }

    static String name(Kit kit) {
        return kit.facts().release() + "=" + kit.facts().packageVersion();
    }
}
