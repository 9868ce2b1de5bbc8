package dev.rebootless.lab;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The emulator, started with as few rights as it needs: no network, no device but the two serial
 * ports, no monitor, no display, seccomp filters on, no new privileges, and not as root where it
 * can be helped. It is told by the kernel to die with us (PR_SET_PDEATHSIG), whichever way we die.
 */
final class Qemu {
    private static final String PROGRAM = "qemu-system-x86_64";
    private static final Duration QUESTION_DEADLINE = Duration.ofSeconds(20);

    /** Filters of system calls; {@code man qemu-system-x86_64}, -sandbox. */
    private static final String SANDBOX =
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";

    /**
     * "nobody" on every distribution, and the kernel's own overflow uid (kernel/sys.c,
     * DEFAULT_OVERFLOWUID).
     */
    private static final int NOBODY = 65534;

    private final String version;
    private final List<String> wrapper;
    private final Optional<UserPrincipal> user;

    private Qemu(String version, List<String> wrapper, Optional<UserPrincipal> user) {
        this.version = version;
        this.wrapper = wrapper;
        this.user = user;
    }

    /**
     * Finds the emulator of this machine.
     *
     * @throws RebootlessException exit status 5 {@code RBL-QEMU-MISSING}
     */
    static Qemu find() {
        if (!onPath(PROGRAM)) {
            throw RebootlessException.environment(
                    "RBL-QEMU-MISSING",
                    PROGRAM,
                    "is not installed; the stock kernel is booted in it",
                    "apt-get install qemu-system-x86, or leave the proof out with --no-test");
        }
        Subprocess.Result answer =
                Subprocess.of(PROGRAM, "--version").deadline(QUESTION_DEADLINE).run();
        String version = answer.out().lines().findFirst().orElse(PROGRAM);
        List<String> plain = List.of("setpriv", "--pdeathsig", "KILL", "--no-new-privs");
        List<String> asNobody = new ArrayList<>(plain);
        asNobody.addAll(List.of("--reuid=" + NOBODY, "--regid=" + NOBODY, "--clear-groups"));
        if (runningAsRoot() && works(asNobody)) {
            return new Qemu(version, List.copyOf(asNobody), nobody());
        }
        return new Qemu(version, works(plain) ? plain : List.of(), Optional.empty());
    }

    /** The first line of its {@code --version}. */
    String version() {
        return version;
    }

    /** Who must be able to read the files it is given; empty when that is us. */
    Optional<UserPrincipal> user(Accelerator accelerator) {
        return switch (accelerator) {
            case TCG -> user;
            // /dev/kvm is root's on many machines.
            case KVM -> Optional.empty();
        };
    }

    /**
     * The command that boots a kernel.
     *
     * @param console the unix socket that gets the guest's first serial port, where the kernel's
     *     console is
     * @param report the unix socket that gets the second
     */
    List<String> command(
            Path kernel,
            Path initramfs,
            int memoryMebibytes,
            CpuProfile profile,
            Accelerator accelerator,
            Path console,
            Path report) {
        List<String> command = new ArrayList<>();
        switch (accelerator) {
            case TCG -> command.addAll(wrapper);
            case KVM -> command.addAll(wrapper.subList(0, Math.min(wrapper.size(), 4)));
        }
        command.addAll(List.of(PROGRAM, "-nodefaults", "-no-user-config", "-no-reboot"));
        command.addAll(List.of("-display", "none", "-monitor", "none", "-nic", "none"));
        command.addAll(List.of("-sandbox", SANDBOX));
        command.addAll(List.of("-machine", "q35", "-accel", accelerator.option()));
        // Two CPUs: stop_machine, text_poke and the transition behave otherwise on one.
        command.addAll(List.of("-cpu", profile.model(), "-smp", "2"));
        command.addAll(List.of("-m", memoryMebibytes + "M"));
        command.addAll(List.of("-kernel", kernel.toString(), "-initrd", initramfs.toString()));
        command.addAll(List.of("-append", kernelCommandLine(profile)));
        // A comma in a value is doubled (QEMU's qemu_opts syntax).
        command.addAll(List.of("-chardev", "socket,id=console,path=" + escaped(console)));
        command.addAll(List.of("-chardev", "socket,id=report,path=" + escaped(report)));
        command.addAll(List.of("-serial", "chardev:console", "-serial", "chardev:report"));
        return List.copyOf(command);
    }

    /**
     * Log level 5 prints warnings and worse until the guest asks for all: WARN() prints with level
     * 4 (include/linux/kern_levels.h). {@code panic=-1} reboots at once, and {@code -no-reboot}
     * ends QEMU then. The self-tests of the ciphers (crypto/algapi.c) are left out: they take a
     * tenth of an emulated boot and touch nothing that is proven here. {@code no_timer_check}, as
     * the kernel sets it by itself under KVM (arch/x86/kernel/kvm.c): it measures the timer by a
     * busy loop, and panics with "IO-APIC + timer doesn't work" when the host gives QEMU no time in
     * it. {@code tsc=unstable} makes it go by the HPET, which QEMU keeps right: it measures the
     * time-stamp counter against the PIT by a busy loop, too, and on a busy host a twelfth of the
     * frequency was seen ("PIT calibration deviates from HPET: 208109 2596126"); its clock then
     * runs twelve times as fast, and RCU sees stalls that are none.
     */
    private static String kernelCommandLine(CpuProfile profile) {
        List<String> words =
                new ArrayList<>(
                        List.of(
                                "console=ttyS0",
                                "loglevel=5",
                                "panic=-1",
                                "cryptomgr.notests",
                                "no_timer_check",
                                "tsc=unstable"));
        words.addAll(profile.kernelParameters());
        return String.join(" ", words);
    }

    private static String escaped(Path path) {
        return path.toString().replace(",", ",,");
    }

    private static boolean onPath(String program) {
        String path = Optional.ofNullable(System.getenv("PATH")).orElse("/usr/bin:/bin");
        return List.of(path.split(":")).stream()
                .anyMatch(folder ->
                        !folder.isEmpty() && Files.isExecutable(Path.of(folder, program)));
    }

    private static boolean works(List<String> wrapper) {
        if (!onPath(wrapper.getFirst())) {
            return false;
        }
        List<String> trial = new ArrayList<>(wrapper);
        trial.add("true");
        return Subprocess.of(trial).deadline(QUESTION_DEADLINE).run().ok();
    }

    /** Whether this process is root's; then QEMU runs as nobody where it can. */
    static boolean runningAsRoot() {
        try {
            return Files.getAttribute(Path.of("/proc/self"), "unix:uid") instanceof Integer uid
                    && uid == 0;
        } catch (IOException | UnsupportedOperationException e) {
            return false;
        }
    }

    private static Optional<UserPrincipal> nobody() {
        try {
            return Optional.of(
                    Path.of("/")
                            .getFileSystem()
                            .getUserPrincipalLookupService()
                            .lookupPrincipalByName(Integer.toString(NOBODY)));
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
