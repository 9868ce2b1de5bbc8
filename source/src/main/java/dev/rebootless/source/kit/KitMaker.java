package dev.rebootless.source.kit;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.kernel.BootImage;
import dev.rebootless.kernel.KernelConfig;
import dev.rebootless.kernel.KernelImage;
import dev.rebootless.kernel.KernelModule;
import dev.rebootless.source.sandbox.ProgramRoot;
import dev.rebootless.source.sandbox.Sandbox;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Makes one kit. {@link #make} is the list of steps; two lines of work run side by side until the
 * tree is to be configured, since unpacking the source takes longest and needs nothing of the
 * others.
 */
final class KitMaker {
    private static final String IMAGE = "image";
    private static final String HEADERS = "headers";
    private static final String KBUILD = "kbuild";
    private static final String TREE = "tree";

    /** gcc's first line: {@code gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0}. */
    private static final Pattern GCC_VERSION =
            Pattern.compile("(\\S{1,100}) \\(Debian ([A-Za-z0-9.+~:-]{1,100})\\) \\S{1,50}");

    private static final Pattern BUILD_ID = Pattern.compile("[0-9a-f]{16,128}");

    private static final Duration SYNC = Duration.ofMinutes(10);

    private final KernelPackages packages;
    private final PackageSource source;
    private final PackageCache cache;
    private final Steps steps;
    private final KernelRelease release;
    private final Staging staging;
    private final Optional<OtherSuite> suite;

    /**
     * Where the toolchain comes from.
     *
     * @param apt what the suite serves
     */
    record OtherSuite(DebianSuite suite, AptPackages apt) {}

    /**
     * @param source of the kernel's packages
     * @param suite of the toolchain; empty: this machine's own programs are used
     */
    KitMaker(
            KernelPackages packages,
            PackageSource source,
            PackageCache cache,
            Steps steps,
            Staging staging,
            Optional<OtherSuite> suite) {
        this.packages = packages;
        this.source = source;
        this.cache = cache;
        this.steps = steps;
        this.staging = staging;
        this.suite = suite;
        this.release = packages.release();
    }

    /** What the image says of itself. */
    private record Shipped(
            String buildId,
            String banner,
            String imageSha256,
            KernelConfig config,
            String vermagic) {}

    /**
     * Makes the kit in the staging folder and moves it to its place, {@code releaseFolder/BUILDID}.
     */
    Kit make(Path releaseFolder) throws IOException {
        Shipped shipped;
        Optional<Toolchain> toolchain;
        ProgramRoot programs;
        KitFacts.Compiler compiler;
        try (ExecutorService beside = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> unpackingSource = beside.submit(this::unpackSource);
            Future<?> unpackingHeaders = beside.submit(this::unpackHeaders);
            try {
                shipped = unpackImage();
                Optional<Kit> there = KitJson.read(releaseFolder.resolve(shipped.buildId()));
                if (there.isPresent()) {
                    // The signed and the unsigned package of one version hold the same kernel.
                    return there.get();
                }
                KernelConfig config = shipped.config();
                toolchain = suite.map(s -> resolveToolchain(s, config));
                programs =
                        toolchain.isPresent() ? unpackToolchain(toolchain.get()) : ProgramRoot.HOST;
                compiler = requireCompiler(config, packages.compilerPackage(), programs);
                await(unpackingHeaders);
                requireShippedConfig(shipped.config());
                await(unpackingSource);
            } finally {
                // Nothing to do when all is finished; otherwise ends the programs that run.
                beside.shutdownNow();
            }
        }
        List<String> makeArguments =
                Kbuild.arguments(compiler.program(), release, staging.part(HEADERS));
        prepareTree(makeArguments, programs);
        return finish(releaseFolder, shipped, toolchain, compiler, makeArguments);
    }

    private Toolchain resolveToolchain(OtherSuite from, KernelConfig config) {
        CompilerVersion wanted = CompilerVersion.of(config);
        return Toolchain.resolve(
                from.suite(),
                from.apt(),
                packages.compilerPackage() + "=" + wanted.packageVersion(),
                packages.kbuild());
    }

    private ProgramRoot unpackToolchain(Toolchain toolchain) throws IOException {
        // What is resolved may have changed since an interrupted try.
        String part = toolchainPart(toolchain);
        staging.keepOnly(Kit.TOOLCHAIN, part);
        if (!staging.isDone(part)) {
            List<Path> debs =
                    cache.obtainAll(
                            "the toolchain of " + toolchain.suite(),
                            toolchain.packages(),
                            suite.orElseThrow().apt());
            part(
                    part,
                    "unpacking the toolchain of " + toolchain.suite(),
                    out -> Toolchain.unpack(debs, out));
        }
        return new ProgramRoot(staging.part(part));
    }

    private static String toolchainPart(Toolchain toolchain) {
        return Kit.TOOLCHAIN + "-" + toolchain.hash();
    }

    private void unpackSource() {
        Path deb = cache.obtain(packages.source(), source);
        part(TREE, "unpacking " + packages.source().spec(), out -> Unpacker.source(deb, out));
    }

    private Shipped unpackImage() throws IOException {
        Path deb = cache.obtain(packages.image(), source);
        part(
                IMAGE,
                "unpacking " + packages.image().spec(),
                out -> {
                    Unpacker.image(deb, out);
                    byte[] vmlinuz = Files.readAllBytes(vmlinuz());
                    Files.write(out.resolve("vmlinux"), BootImage.read(vmlinuz).vmlinux(vmlinuz));
                });
        return steps.timed("reading the image", () -> unchecked(this::readImage));
    }

    private Path vmlinuz() {
        return staging.part(IMAGE).resolve("boot/vmlinuz-" + release);
    }

    private Path modules() {
        return staging.part(IMAGE).resolve("lib/modules").resolve(release.text());
    }

    private Shipped readImage() throws IOException {
        KernelImage image = KernelImage.open(staging.part(IMAGE).resolve("vmlinux"));
        String buildId =
                image.buildId()
                        .filter(id -> BUILD_ID.matcher(id).matches())
                        .orElseThrow(() -> unusable("its image has no build id"));
        if (!image.release().equals(release.text())) {
            throw unusable("its image says it is " + image.release());
        }
        Path config = staging.part(IMAGE).resolve("boot/config-" + release);
        if (!Files.isRegularFile(config) || !Files.isDirectory(modules())) {
            throw unusable("it has no configuration or no modules of this release");
        }
        String vermagic = vermagic();
        if (!vermagic.startsWith(release + " ")) {
            throw unusable("its modules are for " + vermagic);
        }
        return new Shipped(
                buildId,
                image.banner().strip(),
                Hashes.sha256(vmlinuz()),
                KernelConfig.read(config),
                vermagic);
    }

    /** Of the first module in name order: all have the same. */
    private String vermagic() throws IOException {
        try (Stream<Path> walk = Files.walk(modules())) {
            Path module =
                    walk.filter(f -> f.getFileName().toString().matches(".*\\.ko(\\.(xz|gz|zst))?"))
                            .min(java.util.Comparator.naturalOrder())
                            .orElseThrow(() -> unusable("it has no modules"));
            return KernelModule.read(module).vermagic();
        }
    }

    private RebootlessException unusable(String what) {
        return RebootlessException.environment(
                "RBL-PACKAGE",
                packages.image().spec(),
                "is not usable: " + what,
                "use the image package of Debian as it was shipped");
    }

    /**
     * What built a kernel, as its configuration says.
     *
     * @param text the first line of {@code PROGRAM --version}
     */
    private record CompilerVersion(String text, String program, String packageVersion) {
        static CompilerVersion of(KernelConfig config) {
            String wanted = config.value("CONFIG_CC_VERSION_TEXT").orElse("no compiler at all");
            Matcher matcher = GCC_VERSION.matcher(wanted);
            if (!matcher.matches()) {
                throw RebootlessException.environment(
                        "RBL-COMPILER",
                        wanted,
                        "is not a compiler of Debian, which alone can be installed by version",
                        "use a kernel that Debian built");
            }
            return new CompilerVersion(wanted, matcher.group(1), matcher.group(2));
        }
    }

    /**
     * The compiler must be the kernel's to the last digit: another one gives other code.
     *
     * @throws RebootlessException {@code RBL-COMPILER} (exit status 5) naming the package to
     *     install
     */
    static KitFacts.Compiler requireCompiler(
            KernelConfig config, String debianPackage, ProgramRoot programs) {
        CompilerVersion wanted = CompilerVersion.of(config);
        String program = wanted.program();
        Subprocess.Result result =
                Sandbox.of(Sandbox.Limits.LOOK, programs).run(List.of(program, "--version"));
        String found = result.ok() ? result.out().lines().findFirst().orElse("") : "";
        if (!found.equals(wanted.text())) {
            throw RebootlessException.environment(
                    "RBL-COMPILER",
                    program,
                    "is "
                            + (found.isEmpty() ? "not installed" : "\"" + found + "\"")
                            + ", and the kernel was built with \""
                            + wanted.text()
                            + "\"",
                    programs.isHost()
                            ? "run as root: apt-get install "
                                    + debianPackage
                                    + "="
                                    + wanted.packageVersion()
                                    + "; or take the toolchain from the suite of Debian that built"
                                    + " the kernel: rebootless kit add with --suite"
                            : "name the suite of Debian that built the kernel with --suite");
        }
        return new KitFacts.Compiler(program, wanted.text(), debianPackage);
    }

    private void unpackHeaders() {
        Path headers = cache.obtain(packages.headers(), source);
        Path kbuild = cache.obtain(packages.kbuild(), source);
        part(
                HEADERS,
                "unpacking " + packages.headers().spec(),
                out -> Unpacker.headers(headers, out, release));
        part(KBUILD, "unpacking " + packages.kbuild().spec(), out -> Unpacker.kbuild(kbuild, out));
    }

    private void requireShippedConfig(KernelConfig shippedConfig) throws IOException {
        ConfigCheck.requireEqual(
                shippedConfig,
                KernelConfig.read(staging.part(HEADERS).resolve(".config")),
                ConfigCheck.DROPPED_FROM_BOOT,
                "the configuration in the headers package, compared with the image package's,");
    }

    private void prepareTree(List<String> makeArguments, ProgramRoot programs) throws IOException {
        TreePreparation preparation =
                new TreePreparation(
                        staging.part(TREE), staging.part(HEADERS), makeArguments, programs);
        // What follows changes the tree in place, and make may be killed in the middle of a file:
        // if
        // this does not come to its end, the next try unpacks the tree anew.
        staging.reopen(TREE);
        steps.run(
                "configuring the source tree",
                () ->
                        unchecked(() -> {
                            preparation.configure(staging.part(KBUILD));
                            return true;
                        }));
        steps.run("preparing the source tree", preparation::prepare);
        int compared =
                steps.timed(
                        "comparing the generated headers",
                        () -> unchecked(preparation::compareGenerated));
        steps.progress()
                .step(compared + " generated headers are the same as in the build of the kernel");
    }

    private Kit finish(
            Path releaseFolder,
            Shipped shipped,
            Optional<Toolchain> toolchain,
            KitFacts.Compiler compiler,
            List<String> makeArguments)
            throws IOException {
        Path folder = staging.folder();
        move(vmlinuz(), folder.resolve("vmlinuz"));
        move(staging.part(IMAGE).resolve("vmlinux"), folder.resolve("vmlinux"));
        move(staging.part(IMAGE).resolve("boot/config-" + release), folder.resolve("config"));
        move(modules(), folder.resolve("modules"));
        move(staging.part(HEADERS).resolve("Module.symvers"), folder.resolve("Module.symvers"));
        if (toolchain.isPresent()) {
            move(staging.part(toolchainPart(toolchain.get())), folder.resolve(Kit.TOOLCHAIN));
        }
        staging.clean(List.of(IMAGE, HEADERS, KBUILD));
        KitFacts facts =
                new KitFacts(
                        KitFacts.SCHEMA_VERSION,
                        release.text(),
                        shipped.buildId(),
                        packages.image().version().text(),
                        packages.image().builtFrom().name(),
                        packages.image().builtFrom().version().text(),
                        packages.all().stream().map(KitFacts.UsedPackage::of).toList(),
                        toolchain.map(Toolchain::facts),
                        compiler,
                        ConfigCheck.facts(shipped.config()),
                        shipped.vermagic(),
                        shipped.banner(),
                        shipped.imageSha256(),
                        makeArguments,
                        Unpacker.diskBytes(folder),
                        Instant.now().truncatedTo(ChronoUnit.SECONDS));
        Files.createDirectories(folder.resolve("units"));
        steps.run("writing all to disk", () -> sync(folder));
        AtomicFiles.write(folder.resolve(Kit.FACTS), KitJson.write(facts));
        Path target = releaseFolder.resolve(shipped.buildId());
        AtomicFiles.removeTree(target);
        Files.move(folder, target, StandardCopyOption.ATOMIC_MOVE);
        return KitJson.read(target)
                .orElseThrow(() -> new IOException("does not read back: " + target));
    }

    /** So that no power cut can leave kit.json on the disk without what it speaks of. */
    private static void sync(Path folder) {
        Subprocess.of("sync", "-f", folder.toString()).deadline(SYNC).run();
    }

    /** Makes a part of the kit in its folder, unless an earlier try finished it. */
    private void part(String name, String what, Work work) {
        if (staging.isDone(name)) {
            steps.progress().step(what + ": was done already");
            return;
        }
        steps.run(
                what,
                () ->
                        unchecked(() -> {
                            work.into(staging.begin(name));
                            staging.done(name);
                            return true;
                        }));
    }

    @FunctionalInterface
    private interface Work {
        void into(Path folder) throws IOException;
    }

    private interface Reading<T> {
        T read() throws IOException;
    }

    private static <T> T unchecked(Reading<T> reading) {
        try {
            return reading.read();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void move(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    }

    private static void await(Future<?> work) {
        try {
            work.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw Kits.interrupted(e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException failure -> throw failure;
                case Error failure -> throw failure;
                case null, default -> throw new IllegalStateException(e);
            }
        } catch (CancellationException e) {
            throw new IllegalStateException(e);
        }
    }
}
