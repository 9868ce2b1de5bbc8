package dev.rebootless.lab;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.Problem;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.Proof;
import dev.rebootless.manifest.ProofBoot;
import dev.rebootless.manifest.ProofCheck;
import dev.rebootless.manifest.ProofLogProblem;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/**
 * Boots stock kernels in QEMU and puts livepatch modules through their life in them.
 *
 * <p>Each boot is one guest with an initramfs of busybox, a script and the modules; no disk, no
 * network. The guest does its steps by itself and reports them on one serial port, while the
 * kernel's log comes over another, so that neither can be taken for the other. The host watches
 * both, sets the deadlines, and judges. A proof that fails is a {@link Proof} that did not pass; an
 * exception means that no proof could be taken here.
 */
public final class Lab {
    private static final int MAX_KERNEL_BYTES = 256 << 20;
    private static final int NONCE_BYTES = 8;

    /**
     * What the guest needs around its checks and transitions: loading, listing, removing, at the
     * pace of a busy machine.
     */
    private static final Duration AROUND = Duration.ofSeconds(60);

    private final Path cache;
    private final Optional<Accelerator> fixed;

    /**
     * @param cache a folder of ours that outlives this run, such as {@code ~/.cache/rebootless};
     *     need not exist
     */
    public Lab(Path cache) {
        this.cache = cache;
        this.fixed = Optional.empty();
    }

    /** A lab that does not probe. */
    Lab(Path cache, Accelerator accelerator) {
        this.cache = cache;
        this.fixed = Optional.of(accelerator);
    }

    /** A lab with the user's cache folder, {@code ${XDG_CACHE_HOME:-~/.cache}/rebootless}. */
    public static Lab standard() {
        String xdg = Optional.ofNullable(System.getenv("XDG_CACHE_HOME")).orElse("");
        Path base =
                xdg.startsWith("/")
                        ? Path.of(xdg)
                        : Path.of(System.getProperty("user.home"), ".cache");
        return new Lab(base.resolve("rebootless"));
    }

    /**
     * Boots the kernel once for each CPU profile, as many at a time as there are processors, and
     * proves the module in each.
     *
     * @throws RebootlessException exit status 5 when QEMU or busybox is missing ({@code
     *     RBL-QEMU-MISSING}, {@code RBL-BUSYBOX-MISSING}) or the kernel does not come up at all
     *     ({@code RBL-BOOT-FAILED}); 2 when a file cannot be read or is no kernel image; 130 when
     *     this thread is interrupted
     */
    public Proof prove(ProofRequest request, Progress progress) {
        List<Path> modules = new ArrayList<>(request.earlierModules());
        request.module().ifPresent(modules::add);
        // Loading puts the functions into ftrace one by one, and unloading takes them out.
        Duration life =
                AROUND.plus(request.transitionTimeout().multipliedBy(2))
                        .plus(GuestImage.UNPATCHING.multipliedBy(2));
        Duration work = life.plus(request.checkTimeout().multipliedBy(3));
        if (!request.earlierModules().isEmpty()) {
            work =
                    work.plus(request.checkTimeout())
                            .plus(
                                    AROUND.plus(request.transitionTimeout())
                                            .multipliedBy(request.earlierModules().size()));
        }
        if (!request.targets().isEmpty()) {
            work = work.plus(life).plus(request.checkTimeout().multipliedBy(2));
        }
        Qemu qemu = Qemu.find();
        byte[] kernel = kernelImage(request.kernel());
        String nonce = nonce();
        GuestImage image =
                GuestImage.of(
                        GuestImage.Mode.PROVE,
                        nonce,
                        modules,
                        request.module().isPresent(),
                        new TargetFiles(request.targets(), request.late(), request.reload()),
                        request.check(),
                        request.transitionTimeout(),
                        request.checkTimeout());
        try (Workspace workspace = Workspace.create()) {
            Guest guest =
                    new Guest(workspace, qemu, kernel, image, nonce, request.checkTimeout(), work);
            Accelerator best = best(qemu, kernel, progress);
            List<Callable<Booted>> boots = new ArrayList<>();
            for (CpuProfile profile : request.profiles()) {
                boots.add(() -> boot(guest, profile, best, progress));
            }
            List<Booted> booted = runAll(boots);
            List<ProofBoot> verdicts = new ArrayList<>();
            for (int i = 0; i < booted.size(); i++) {
                Booted one = booted.get(i);
                verdicts.add(
                        BootVerdict.of(
                                request,
                                request.profiles().get(i),
                                one.accelerator(),
                                one.result()));
            }
            GuestMessage.Ready ready = booted.getFirst().ready();
            return new Proof(
                    ready.release(),
                    ready.version(),
                    Hashes.sha256(kernel),
                    hash(request.module()),
                    hash(request.check()),
                    qemu.version(),
                    verdicts,
                    notShown(verdicts),
                    verdicts.stream().allMatch(ProofBoot::passed));
        } catch (IOException e) {
            throw ioFault(e);
        }
    }

    /** What no boot shows, and what these left out; a line that several have stands once. */
    private static List<String> notShown(List<ProofBoot> boots) {
        return Stream.concat(
                        Proof.NOT_SHOWN.stream(),
                        boots.stream()
                                .flatMap(boot -> boot.targets().stream())
                                .flatMap(target -> target.notShown().stream()))
                .distinct()
                .toList();
    }

    /**
     * Boots the kernel and runs a script in it, with nothing loaded.
     *
     * @param script for busybox's sh; its output is kept up to {@link ProofCheck#MAX_OUTPUT_BYTES}
     * @param timeout after which the script is ended; 1 s to 1 h
     * @throws RebootlessException as {@link #prove}, and exit status 6 {@code RBL-GUEST-LOST} when
     *     the guest went down under the script
     */
    public ScriptResult run(
            Path kernel, Path script, CpuProfile profile, Duration timeout, Progress progress) {
        return run(kernel, script, List.of(), List.of(), profile, timeout, progress);
    }

    /**
     * The same for a script that does the loading itself.
     *
     * @param modules that it finds as {@code /modules/0.ko}, {@code /modules/1.ko}, …
     * @param targets that it finds as {@code /targets/NAME.ko}, with the names to insert for one,
     *     in order, in {@code /targets/NAME.files}
     */
    public ScriptResult run(
            Path kernel,
            Path script,
            List<Path> modules,
            List<TargetModule> targets,
            CpuProfile profile,
            Duration timeout,
            Progress progress) {
        Qemu qemu = Qemu.find();
        byte[] image = kernelImage(kernel);
        String nonce = nonce();
        GuestImage files =
                GuestImage.of(
                        GuestImage.Mode.RUN,
                        nonce,
                        modules,
                        false,
                        new TargetFiles(targets, false, false),
                        Optional.of(script),
                        ProofRequest.TRANSITION_TIMEOUT,
                        timeout);
        try (Workspace workspace = Workspace.create()) {
            Guest guest =
                    new Guest(workspace, qemu, image, files, nonce, timeout, timeout.plus(AROUND));
            Booted booted = boot(guest, profile, best(qemu, image, progress), progress);
            Guest.Result result = booted.result();
            ProofCheck check =
                    result.messages().stream()
                            .filter(GuestMessage.Check.class::isInstance)
                            .map(message -> ((GuestMessage.Check) message).result())
                            .findFirst()
                            .orElseThrow(() -> guestLost(result));
            return new ScriptResult(
                    booted.ready().release(),
                    result.bootSeconds().orElse(0.0),
                    check,
                    result.problems());
        } catch (IOException e) {
            throw ioFault(e);
        }
    }

    /** A guest that came up. */
    private record Booted(Accelerator accelerator, Guest.Result result, GuestMessage.Ready ready) {}

    private Booted boot(Guest guest, CpuProfile profile, Accelerator best, Progress progress)
            throws IOException {
        // Only TCG can show any vendor's model on any machine; KVM has the one CPU that is there.
        Accelerator accelerator = profile.model().equals(CpuProfile.MAX) ? best : Accelerator.TCG;
        Guest.Result result =
                guest.boot(profile, accelerator, message -> report(profile, message, progress));
        if (result.bootSeconds().isEmpty() && accelerator == Accelerator.KVM) {
            progress.step(profile.model() + ": does not come up with kvm; again with tcg");
            probe().remember(Accelerator.TCG);
            accelerator = Accelerator.TCG;
            result =
                    guest.boot(profile, accelerator, message -> report(profile, message, progress));
        }
        Guest.Result last = result;
        GuestMessage.Ready ready =
                result.messages().stream()
                        .filter(GuestMessage.Ready.class::isInstance)
                        .map(GuestMessage.Ready.class::cast)
                        .findFirst()
                        .orElseThrow(() -> bootFailed(profile, last));
        return new Booted(accelerator, result, ready);
    }

    private static void report(CpuProfile profile, GuestMessage message, Progress progress) {
        boolean worthALine =
                switch (message) {
                    case GuestMessage.Function _, GuestMessage.Taints _, GuestMessage.Livepatch _ ->
                            false;
                    case GuestMessage.Ready _,
                            GuestMessage.Check _,
                            GuestMessage.Load _,
                            GuestMessage.Transition _,
                            GuestMessage.Lagging _,
                            GuestMessage.StageBegins _,
                            GuestMessage.Insert _,
                            GuestMessage.Remove _,
                            GuestMessage.Earlier _,
                            GuestMessage.Release _,
                            GuestMessage.Unload _,
                            GuestMessage.End _ ->
                            true;
                };
        if (worthALine) {
            progress.step(profile.model() + ": " + BootVerdict.describe(message));
        }
    }

    private AcceleratorProbe probe() {
        return new AcceleratorProbe(cache.resolve("lab"), AcceleratorProbe.DEVICE);
    }

    private Accelerator best(Qemu qemu, byte[] kernel, Progress progress) throws IOException {
        if (fixed.isPresent()) {
            return fixed.get();
        }
        return probe().best(() -> {
            progress.step(
                    "probing /dev/kvm, once until this machine boots again; at most "
                            + Accelerator.KVM.bootDeadline().toSeconds()
                            + " s");
            String nonce = nonce();
            GuestImage image =
                    GuestImage.of(
                            GuestImage.Mode.PROBE,
                            nonce,
                            List.of(),
                            false,
                            TargetFiles.NONE,
                            Optional.empty(),
                            ProofRequest.TRANSITION_TIMEOUT,
                            ProofRequest.CHECK_TIMEOUT);
            try (Workspace workspace = Workspace.create()) {
                Guest guest =
                        new Guest(
                                workspace,
                                qemu,
                                kernel,
                                image,
                                nonce,
                                ProofRequest.CHECK_TIMEOUT,
                                Accelerator.KVM.bootDeadline());
                CpuProfile max = new CpuProfile(CpuProfile.MAX, List.of());
                Guest.Result result = guest.boot(max, Accelerator.KVM, message -> {});
                return result.ended().isEmpty() && result.problems().isEmpty();
            }
        });
    }

    /** Runs all, as many at a time as there are processors; the first fault stops the others. */
    private static <T> List<T> runAll(List<Callable<T>> tasks) throws IOException {
        int workers = Math.min(tasks.size(), Runtime.getRuntime().availableProcessors());
        // Platform threads: QEMU is told to die with the thread that started it (PR_SET_PDEATHSIG).
        try (ExecutorService executor = Executors.newFixedThreadPool(workers)) {
            try {
                List<Future<T>> futures = tasks.stream().map(executor::submit).toList();
                List<T> results = new ArrayList<>();
                for (Future<T> future : futures) {
                    results.add(future.get());
                }
                return results;
            } catch (ExecutionException e) {
                switch (e.getCause()) {
                    case IOException fault -> throw fault;
                    case RuntimeException fault -> throw fault;
                    case Error fault -> throw fault;
                    case null, default -> throw new IllegalStateException(e);
                }
            } catch (InterruptedException e) {
                throw RebootlessException.interrupted("proof", e);
            } finally {
                executor.shutdownNow();
            }
        }
    }

    private static String nonce() {
        byte[] bytes = new byte[NONCE_BYTES];
        new SecureRandom().nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    private static Optional<String> hash(Optional<Path> file) throws IOException {
        return file.isEmpty() ? Optional.empty() : Optional.of(Hashes.sha256(file.get()));
    }

    /**
     * Reads a bzImage: boot_flag 0xAA55 at 0x1fe and "HdrS" at 0x202 (Documentation/x86/boot.rst,
     * the real-mode kernel header).
     */
    private static byte[] kernelImage(Path file) {
        byte[] bytes = GuestImage.read(file, MAX_KERNEL_BYTES);
        ByteBuffer image = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.length < 0x1000
                || image.getShort(0x1fe) != (short) 0xaa55
                || image.getInt(0x202) != 0x53726448) {
            throw RebootlessException.environment(
                    "RBL-BOOT-IMAGE",
                    file.toString(),
                    "is not an x86 kernel image (bzImage)",
                    "give the vmlinuz of the distribution's linux-image package");
        }
        return bytes;
    }

    private static RebootlessException bootFailed(CpuProfile profile, Guest.Result result) {
        List<String> said = new ArrayList<>(result.emulatorSaid());
        List<String> log = result.log().lastLines();
        said.addAll(log.subList(Math.max(0, log.size() - 10), log.size()));
        return RebootlessException.environment(
                "RBL-BOOT-FAILED",
                "-cpu " + profile.model(),
                "the kernel does not come up in QEMU: "
                        + result.ended().orElse("it said nothing")
                        + said.stream().map(line -> "\n  " + line).reduce("", String::concat),
                "see whether the image is whole and the machine not overloaded, and try again; or leave the proof out"
                        + " with --no-test");
    }

    /**
     * With the first thing that the kernel said in the first line, which is what many tools keep.
     */
    private static RebootlessException guestLost(Guest.Result result) {
        List<String> said = whatTheKernelSaid(result);
        return new RebootlessException(
                ExitStatus.PROOF_FAILED,
                new Problem(
                        "RBL-GUEST-LOST",
                        "script",
                        result.ended().orElse("the guest did not report what the script did")
                                + (said.isEmpty() ? "" : "; the kernel: " + said.getFirst())
                                + said.stream()
                                        .skip(1)
                                        .map(line -> "\n  " + line)
                                        .reduce("", String::concat),
                        "see what the script does to the kernel"));
    }

    /** What it complained of first, else its last lines. */
    private static List<String> whatTheKernelSaid(Guest.Result result) {
        return result.problems().stream()
                .findFirst()
                .map(ProofLogProblem::lines)
                .orElseGet(result.log()::lastLines);
    }

    private static RebootlessException ioFault(IOException e) {
        String place = "";
        String why = e.toString();
        if (e instanceof FileSystemException fault) {
            place = Objects.requireNonNullElse(fault.getFile(), "");
            why = Objects.requireNonNullElse(fault.getReason(), why);
        }
        Problem problem =
                new Problem(
                        "RBL-LAB-FILES",
                        place,
                        why,
                        "see whether there is room in " + System.getProperty("java.io.tmpdir"));
        return new RebootlessException(ExitStatus.ENVIRONMENT, List.of(problem), e);
    }
}
