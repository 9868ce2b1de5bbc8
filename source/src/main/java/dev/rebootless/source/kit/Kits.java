package dev.rebootless.source.kit;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.DebianVersion;
import dev.rebootless.source.sandbox.Sandbox;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * The kits in a cache folder: {@code kits/RELEASE/BUILDID/}, and the packages they were made of,
 * {@code packages/}. All of it is safe to use from several threads and processes at once.
 */
public final class Kits {
    private final Path kits;
    private final Path locks;
    private final PackageCache packages;
    private final Steps steps;
    private final AptPackages apt;
    private final Function<DebianSuite, AptPackages> suites;
    private final List<Path> searchPath;
    private final Optional<Integer> machine;

    /**
     * @param cache {@code …/rebootless}; made when the first kit is added
     * @param progress hears of every step, with its seconds
     */
    public Kits(Path cache, Progress progress) {
        this(
                cache,
                progress,
                AptPackages.system(cache.resolve("apt-answers")),
                HostTools.searchPath());
    }

    Kits(Path cache, Progress progress, AptPackages apt, List<Path> searchPath) {
        this(
                cache,
                progress,
                apt,
                suite -> suite.open(cache, new Steps(progress)),
                searchPath,
                HostTools.debian());
    }

    /**
     * @param suites what other suites serve
     * @param machine the number of the Debian that runs here, if it is one
     */
    Kits(
            Path cache,
            Progress progress,
            AptPackages apt,
            Function<DebianSuite, AptPackages> suites,
            List<Path> searchPath,
            Optional<Integer> machine) {
        this.kits = cache.toAbsolutePath().resolve("kits");
        this.locks = cache.toAbsolutePath().resolve("locks");
        this.steps = new Steps(progress);
        this.packages = new PackageCache(cache.toAbsolutePath().resolve("packages"), locks, steps);
        this.apt = apt;
        this.suites = suites;
        this.searchPath = searchPath;
        this.machine = machine;
    }

    /** This user's: {@code ${XDG_CACHE_HOME:-~/.cache}/rebootless} (XDG Base Directory, 3). */
    public static Path userCache() {
        String configured = System.getenv("XDG_CACHE_HOME");
        Path base =
                configured != null && configured.startsWith("/")
                        ? Path.of(configured)
                        : Path.of(System.getProperty("user.home"), ".cache");
        return base.resolve("rebootless");
    }

    /**
     * Gives the kit of a kernel build, making it first where it is not there yet. What an
     * interrupted earlier try finished is used. When another process is making the same, waits for
     * it.
     *
     * @throws RebootlessException exit status 5 when something is missing: {@code
     *     RBL-KERNEL-UNKNOWN}, {@code RBL-PACKAGE-MISSING}, {@code RBL-APT-LISTS}, {@code
     *     RBL-DOWNLOAD}, {@code RBL-TOOL-MISSING}, {@code RBL-SANDBOX}, {@code RBL-COMPILER},
     *     {@code RBL-DISK}, {@code RBL-KIT-SUITE}, {@code RBL-SUITE}, {@code RBL-TOOLCHAIN}; or not
     *     what it should be: {@code RBL-PACKAGE}, {@code RBL-CONFIG}, {@code RBL-GENERATED}; exit
     *     status 4, {@code RBL-KERNEL-UNSUPPORTED}, for kernels that no kit can be made for; exit
     *     status 130 when interrupted
     */
    public Kit add(KernelRequest request) {
        refuseUnsupported(request.release());
        if (request.version().isPresent() && request.fromFolder().isEmpty()) {
            // With a version named, a kit of it is the answer, and nobody need be asked.
            Optional<Kit> there = find(request);
            if (there.isPresent()) {
                return there.get();
            }
        }
        requireSuite(request);
        Optional<KitMaker.OtherSuite> suite;
        try {
            suite = request.suite().map(this::open);
        } catch (RebootlessException e) {
            return thereInstead(request, e);
        }
        boolean fromFolder = request.fromFolder().isPresent();
        PackageSource source =
                request.fromFolder()
                        .<PackageSource>map(this::openFolder)
                        .or(() -> suite.map(KitMaker.OtherSuite::apt))
                        .orElse(apt);
        KernelPackages chosen;
        try {
            if (!fromFolder) {
                HostTools.requireApt(searchPath);
                ((AptPackages) source).requireLists();
            }
            chosen = KernelPackages.choose(source, request.release(), request.version());
        } catch (RebootlessException e) {
            if (fromFolder) {
                throw e;
            }
            // The lists may be gone, or the archive may have dropped the release since.
            return thereInstead(request, e);
        }
        return madeOf(chosen).orElseGet(() -> make(chosen, source, suite));
    }

    /**
     * What was packaged after a kit's kernel, as the suite of its toolchain serves it, or else this
     * machine's apt.
     *
     * @throws RebootlessException exit status 5 {@code RBL-APT-LISTS}, {@code RBL-SUITE}
     */
    public KernelHistory history(Kit kit) {
        AptPackages source =
                kit.facts()
                        .toolchain()
                        .map(t -> open(new DebianSuite(t.suite())).apt())
                        .orElse(apt);
        HostTools.requireApt(searchPath);
        HostTools.requireUnpacking(searchPath);
        source.requireLists();
        return new KernelHistory(
                kit, source, packages, kits.resolveSibling("history"), locks, steps);
    }

    /** The code name of the suite that a kit's kernel is of, where that is known. */
    public Optional<String> suite(Kit kit) {
        return kit.facts()
                .toolchain()
                .map(KitFacts.Toolchain::suite)
                .or(() ->
                        new KernelRelease(kit.facts().release())
                                .suite()
                                .or(() -> machine)
                                .flatMap(DebianSuite::numbered)
                                .map(DebianSuite::name));
    }

    private KitMaker.OtherSuite open(DebianSuite suite) {
        HostTools.requireApt(searchPath);
        return new KitMaker.OtherSuite(suite, suites.apply(suite));
    }

    private Kit thereInstead(KernelRequest request, RebootlessException problem) {
        Kit there = find(request).orElseThrow(() -> problem);
        steps.progress()
                .step("using the kit that is there: " + problem.problems().getFirst().message());
        return there;
    }

    private Optional<Kit> find(KernelRequest request) {
        return find(request.release(), request.version().map(DebianVersion::text));
    }

    /** By the image package's hash: with --from, two builds can have one version. */
    private Optional<Kit> madeOf(KernelPackages chosen) {
        return list().stream()
                .filter(kit ->
                        kit.facts().packages().stream()
                                .anyMatch(p -> p.sha256().equals(chosen.image().sha256())))
                .findFirst();
    }

    private PackageSource openFolder(Path folder) {
        HostTools.requireUnpacking(searchPath);
        Sandbox.require();
        return FolderPackages.open(folder);
    }

    private static void refuseUnsupported(KernelRelease release) {
        if (release.realtime()) {
            throw RebootlessException.refused(
                    "RBL-KERNEL-UNSUPPORTED",
                    release.text(),
                    "is a PREEMPT_RT kernel, and its patches are not in the linux-source package",
                    "use the kernel of the same version without -rt");
        }
    }

    /**
     * A kernel whose name says which Debian built it is made with that one's programs: those of
     * another would be found wrong only after much work.
     */
    private void requireSuite(KernelRequest request) {
        Optional<Integer> number = request.release().suite();
        if (number.isEmpty()
                || request.suite().isPresent()
                || machine.isEmpty()
                || machine.equals(number)
                || find(request).isPresent()) {
            return;
        }
        String suite = DebianSuite.numbered(number.get()).map(DebianSuite::name).orElse("SUITE");
        throw RebootlessException.environment(
                "RBL-KIT-SUITE",
                request.release().text(),
                "was compiled by Debian "
                        + number.get()
                        + " and this machine runs Debian "
                        + machine.get()
                        + ", so its kit needs the toolchain of that suite",
                "rebootless kit add "
                        + request
                        + request.fromFolder().map(f -> " --from " + f).orElse("")
                        + " --suite "
                        + suite);
    }

    private Kit make(
            KernelPackages chosen, PackageSource source, Optional<KitMaker.OtherSuite> suite) {
        if (suite.isPresent()) {
            HostTools.requireUnpacking(searchPath);
        } else {
            HostTools.require(searchPath, chosen.compilerPackage());
        }
        Sandbox.require();
        KernelRelease release = chosen.release();
        Path releaseFolder = kits.resolve(release.text());
        long start = System.nanoTime();
        try (KitLock _ = lock(release.text())) {
            Optional<Kit> meanwhile = madeOf(chosen);
            if (meanwhile.isPresent()) {
                steps.progress().step("the kit of " + chosen.image().spec() + " is there now");
                return meanwhile.get();
            }
            Staging staging = Staging.open(releaseFolder, chosen);
            boolean keep = false;
            try {
                Disk.requireRoom(
                        releaseFolder,
                        Math.max(0, Disk.NEEDED_BYTES - Unpacker.diskBytes(staging.folder())));
                Kit kit =
                        new KitMaker(chosen, source, packages, steps, staging, suite)
                                .make(releaseFolder);
                steps.progress()
                        .step(
                                "the kit of "
                                        + chosen.image().spec()
                                        + " is ready after "
                                        + Steps.seconds(start));
                return kit;
            } catch (RebootlessException e) {
                // Whoever stopped it may go on later; after any other end the room is worth more.
                keep =
                        e.status() == ExitStatus.INTERRUPTED
                                || e.problems().getFirst().code().equals("RBL-DOWNLOAD");
                throw e;
            } finally {
                if (!keep) {
                    staging.remove();
                    removeIfEmpty(releaseFolder);
                }
            }
        } catch (IOException e) {
            throw failed(e);
        } catch (UncheckedIOException e) {
            throw failed(e);
        }
    }

    private RebootlessException failed(Exception e) {
        if (Disk.isFull(e)) {
            return Disk.full(kits.toString());
        }
        return new RebootlessException(
                ExitStatus.ENVIRONMENT,
                List.of(
                        new Problem(
                                "RBL-CACHE",
                                kits.toString(),
                                "cannot be read or written: " + e,
                                "see that the folder is this user's, and try again")),
                e);
    }

    static RebootlessException interrupted(Exception cause) {
        return new RebootlessException(
                ExitStatus.INTERRUPTED,
                List.of(
                        new Problem(
                                "RBL-INTERRUPTED",
                                "kit",
                                "interrupted",
                                "run it again; it goes on from there")),
                cause);
    }

    private KitLock lock(String release) throws IOException {
        Files.createDirectories(kits);
        return KitLock.acquire(
                locks.resolve("kit-" + release + ".lock"),
                "the kit of " + release,
                steps.progress());
    }

    /** All kits, by release and within it the newest version first. */
    public List<Kit> list() {
        List<Kit> found = new ArrayList<>();
        for (Path release : folders(kits)) {
            for (Path build : folders(release)) {
                try {
                    KitJson.read(build).ifPresent(found::add);
                } catch (IOException e) {
                    throw failed(e);
                }
            }
        }
        found.sort(
                Comparator.comparing((Kit kit) -> new DebianVersion(kit.facts().packageVersion()))
                        .reversed()
                        .thenComparing(kit -> kit.facts().release()));
        return List.copyOf(found);
    }

    /** Without what is unfinished. */
    private static List<Path> folders(Path parent) {
        if (!Files.isDirectory(parent)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(parent)) {
            return all.filter(Files::isDirectory)
                    .filter(f -> !f.getFileName().toString().startsWith("."))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * A kit that is there.
     *
     * @param build its build id or the version of its image package; otherwise the newest version
     */
    public Optional<Kit> find(KernelRelease release, Optional<String> build) {
        return list().stream()
                .filter(kit -> kit.facts().release().equals(release.text()))
                .filter(kit ->
                        build.isEmpty()
                                || kit.facts().buildId().equals(build.get())
                                || kit.facts().packageVersion().equals(build.get()))
                .findFirst();
    }

    /**
     * Removes a kit. Its packages stay in the cache, so that it can be made again without a
     * network.
     *
     * @throws RebootlessException {@code RBL-CACHE} (exit status 5)
     */
    public void remove(Kit kit) {
        try (KitLock _ = lock(kit.facts().release())) {
            Path folder = kits.resolve(kit.facts().release()).resolve(kit.facts().buildId());
            if (!Files.isDirectory(folder)) {
                return;
            }
            // At once gone for everybody, however long the removal takes.
            Path aside = folder.resolveSibling("." + kit.facts().buildId() + ".removed.tmp");
            AtomicFiles.removeTree(aside);
            Files.move(folder, aside, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
            AtomicFiles.removeTree(aside);
            removeIfEmpty(folder.resolveSibling("."));
        } catch (IOException | UncheckedIOException e) {
            throw failed(e);
        }
    }

    private static void removeIfEmpty(Path folder) throws IOException {
        try {
            Files.deleteIfExists(folder.normalize());
        } catch (java.nio.file.DirectoryNotEmptyException e) {
            // Another kit of the release.
        }
    }

    /**
     * The newest cloud kernel of a line that apt serves with all that a kit needs.
     *
     * @param line such as {@code 6.1}
     * @throws RebootlessException exit status 5: {@code RBL-APT-LISTS}, or {@code
     *     RBL-KERNEL-UNKNOWN} when there is none
     */
    public KernelRequest newestCloudRelease(String line) {
        return newestCloudRelease(line, apt);
    }

    /**
     * The same, of what another suite serves.
     *
     * @throws RebootlessException also {@code RBL-SUITE}
     */
    public KernelRequest newestCloudRelease(String line, DebianSuite suite) {
        return newestCloudRelease(line, open(suite).apt()).of(Optional.of(suite));
    }

    /**
     * The oldest cloud kernel of a line that apt serves with all that a kit needs.
     *
     * @param line such as {@code 6.1}
     * @throws RebootlessException as {@link #newestCloudRelease(String)}
     */
    public KernelRequest oldestCloudRelease(String line) {
        apt.requireLists();
        return request(KernelPackages.oldestCloud(apt, line), line, apt);
    }

    private static KernelRequest newestCloudRelease(String line, AptPackages apt) {
        apt.requireLists();
        return request(KernelPackages.newestCloud(apt, line), line, apt);
    }

    private static KernelRequest request(
            Optional<KernelPackages> chosen, String line, AptPackages apt) {
        return chosen.map(found ->
                        new KernelRequest(
                                found.release(),
                                Optional.of(found.image().version()),
                                Optional.empty()))
                .orElseThrow(() ->
                        RebootlessException.environment(
                                "RBL-KERNEL-UNKNOWN",
                                line,
                                apt.describe()
                                        + " serves no cloud kernel of this line with headers and source",
                                "name another line, such as 6.1, or run `apt-get update`"));
    }
}
