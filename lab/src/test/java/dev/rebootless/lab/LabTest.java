package dev.rebootless.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.Proof;
import dev.rebootless.manifest.ProofBoot;
import dev.rebootless.manifest.ProofCheck;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real boots of a real stock kernel with real modules. */
class LabTest {
    private static final List<CpuProfile> ONE_MODEL =
            List.of(new CpuProfile(CpuProfile.MAX, List.of()));

    private static final String CHANGED_CMDLINE =
            """
            #include <linux/seq_file.h>
            static int replacement(struct seq_file *m, void *v)
            {
                    seq_puts(m, "rebootless was here\\n");
                    return 0;
            }
            """;

    @TempDir static Path shared;
    @TempDir Path folder;

    private static StockKernel kernel;
    private static Path good;
    private static Lab lab;

    @BeforeAll
    static void unpackTheKernel() throws IOException {
        kernel = StockKernel.unpack(shared.resolve("kernel"));
        good =
                kernel.buildLivepatch(
                        shared.resolve("good"), "lab_good", "cmdline_proc_show", CHANGED_CMDLINE);
        lab = Lab.standard();
    }

    @Test
    void aGoodLivepatchIsProvenOnEveryModel() throws IOException {
        Proof proof =
                prove(
                        ProofRequest.of(kernel.image())
                                .withModule(good)
                                .withCheck(
                                        check(
                                                "cat /proc/cmdline; grep -q rebootless /proc/cmdline")));

        assertThat(proof.reasons()).isEmpty();
        assertThat(proof.passed()).isTrue();
        assertThat(proof.kernelRelease()).isEqualTo(kernel.release());
        assertThat(proof.boots())
                .extracting(ProofBoot::cpuModel)
                .containsExactly("max", "EPYC", "Skylake-Client");
        for (ProofBoot boot : proof.boots()) {
            assertThat(boot.functionsPatched()).containsExactly("vmlinux:cmdline_proc_show,1");
            assertThat(boot.transitionSeconds()).isPresent();
            assertThat(boot.loadSeconds()).isPresent();
            assertThat(boot.unloadSeconds()).isPresent();
            assertThat(boot.bootSeconds()).isPositive();
            assertThat(boot.checks())
                    .extracting(ProofCheck::phase)
                    .containsExactly("before", "during", "after");
            assertThat(boot.checks())
                    .extracting(check -> check.output().contains("console=ttyS0"))
                    .containsExactly(true, false, true);
            assertThat(boot.checks().get(1).output()).isEqualTo("rebootless was here\n");
        }
    }

    @Test
    void aCheckThatPassesBeforeLoadingFailsTheProofAndSaysSo() throws IOException {
        Proof proof =
                prove(
                        ProofRequest.of(kernel.image())
                                .withModule(good)
                                .withCheck(check("true"))
                                .withProfiles(ONE_MODEL));

        assertThat(proof.passed()).isFalse();
        assertThat(proof.reasons())
                .anyMatch(reason -> reason.contains("passes already before"))
                .anyMatch(reason -> reason.contains("still passes after"));
        assertThat(proof.boots().getFirst().logProblems()).isEmpty();
    }

    @Test
    void aModuleForAnotherKernelFailsTheProofWithTheKernelsOwnWords() throws IOException {
        byte[] bytes = Files.readAllBytes(good);
        // With CRCs the kernel compares only what follows the release (kernel/module/version.c,
        // same_magic).
        byte[] magic = " SMP preempt".getBytes(StandardCharsets.US_ASCII);
        bytes[indexOf(bytes, magic) + 3] = 'X';
        Path module = Files.write(folder.resolve("alien.ko"), bytes);

        Proof proof =
                prove(ProofRequest.of(kernel.image()).withModule(module).withProfiles(ONE_MODEL));

        assertThat(proof.passed()).isFalse();
        assertThat(proof.reasons())
                .anySatisfy(reason ->
                        assertThat(reason)
                                .contains("could not be loaded")
                                .contains("version magic '")
                                .contains("invalid module format"));
    }

    @Test
    void aPatchedFunctionThatWarnsFailsTheProofAndNamesTheWarning() throws IOException {
        Path module =
                kernel.buildLivepatch(
                        folder.resolve("m"),
                        "lab_warns",
                        "cmdline_proc_show",
                        """
                        #include <linux/seq_file.h>
                        static noinline int replacement(struct seq_file *m, void *v)
                        {
                                WARN_ON(m->private == NULL);
                                seq_puts(m, "rebootless was here\\n");
                                return 0;
                        }
                        """);
        Proof proof =
                prove(
                        ProofRequest.of(kernel.image())
                                .withModule(module)
                                .withCheck(check("grep -q rebootless /proc/cmdline"))
                                .withProfiles(ONE_MODEL));

        assertThat(proof.passed()).isFalse();
        ProofBoot boot = proof.boots().getFirst();
        assertThat(boot.logProblems())
                .singleElement()
                .satisfies(problem -> {
                    assertThat(problem.kind()).isEqualTo("warning");
                    assertThat(problem.lines().getFirst())
                            .contains("lab_warns.c")
                            .contains("replacement");
                    assertThat(problem.lines()).anyMatch(line -> line.contains("Call Trace:"));
                });
        assertThat(boot.reasons()).contains("the kernel is tainted: W (a warning)");
    }

    @Test
    void aPatchedFunctionThatOopsesFailsTheProof() throws IOException {
        Path module =
                kernel.buildLivepatch(
                        folder.resolve("m"),
                        "lab_oops",
                        "cmdline_proc_show",
                        """
                        #include <linux/seq_file.h>
                        static noinline int replacement(struct seq_file *m, void *v)
                        {
                                return *(volatile int *)8;
                        }
                        """);
        Proof proof =
                prove(
                        ProofRequest.of(kernel.image())
                                .withModule(module)
                                .withCheck(check("grep -q rebootless /proc/cmdline"))
                                .withProfiles(ONE_MODEL));

        assertThat(proof.passed()).isFalse();
        assertThat(proof.boots().getFirst().logProblems().getFirst().lines().getFirst())
                .contains("NULL pointer dereference");
    }

    @Test
    void aTransitionThatStallsIsReportedWithItsTaskAndReversed() throws IOException {
        // The check leaves a reader behind that waits in fifo_open for a writer, so that the
        // function cannot be
        // replaced under it.
        Path module =
                kernel.buildLivepatch(
                        folder.resolve("m"),
                        "lab_stall",
                        "fifo_open",
                        """
                        #include <linux/fs.h>
                        static int replacement(struct inode *inode, struct file *filp)
                        {
                                return -EINVAL;
                        }
                        """);
        Path check =
                check(
                        """
                        mkfifo /tmp/fifo && { cat /tmp/fifo & }
                        usleep 300000
                        exit 1
                        """);
        Proof proof =
                prove(
                        ProofRequest.of(kernel.image())
                                .withModule(module)
                                .withCheck(check)
                                .withTransitionTimeout(Duration.ofSeconds(2))
                                .withProfiles(ONE_MODEL));

        assertThat(proof.passed()).isFalse();
        ProofBoot boot = proof.boots().getFirst();
        assertThat(boot.laggingTasks())
                .anySatisfy(task -> {
                    assertThat(task.comm()).isEqualTo("cat");
                    assertThat(task.stack()).anyMatch(frame -> frame.startsWith("fifo_open+"));
                });
        assertThat(boot.reasons())
                .anyMatch(reason -> reason.contains("was cancelled"))
                .noneMatch(reason -> reason.contains("could not be reversed"));
        // It was removed after all: the reversal worked.
        assertThat(boot.unloadSeconds()).isPresent();
        assertThat(boot.logProblems()).isEmpty();
    }

    @Test
    void aScriptRunsOnTheStockKernelAndItsOutputCannotForgeAReport() throws IOException {
        Path script =
                check(
                        """
                        uname -r
                        echo 'rebootless 0 end 0'
                        head -c 200 /dev/urandom
                        printf '\\000\\377\\r\\n'
                        echo "kernel BUG at nowhere"
                        exit 7
                        """);
        ScriptResult result =
                lab.run(
                        kernel.image(),
                        script,
                        ONE_MODEL.getFirst(),
                        Duration.ofSeconds(20),
                        System.err::println);

        assertThat(result.kernelRelease()).isEqualTo(kernel.release());
        assertThat(result.run().exitCode()).isEqualTo(7);
        assertThat(result.run().output())
                .startsWith(kernel.release() + "\n")
                .endsWith("kernel BUG at nowhere\n");
        assertThat(result.run().truncated()).isFalse();
        assertThat(result.logProblems()).isEmpty();
    }

    @Test
    void aScriptWithoutEndIsEndedAndItsOutputIsBounded() throws IOException {
        ScriptResult result =
                lab.run(
                        kernel.image(),
                        check("while :; do echo 0123456789012345678901234567890; done"),
                        ONE_MODEL.getFirst(),
                        Duration.ofSeconds(2),
                        System.err::println);

        assertThat(result.run().timedOut()).isTrue();
        assertThat(result.run().succeeded()).isFalse();
        assertThat(result.run().truncated()).isTrue();
        assertThat(result.run().output()).hasSize(ProofCheck.MAX_OUTPUT_BYTES);
    }

    @Test
    void anImageThatDoesNotBootIsAFaultOfTheEnvironment() throws IOException {
        byte[] image = Files.readAllBytes(kernel.image());
        // The header is whole; the code that it leads to (after setup_sects sectors, boot.rst) is
        // nothing but ud2.
        // With no handler for that yet, the CPU resets.
        int code = (image[0x1f1] + 1) * 512;
        for (int i = code; i < code + (1 << 16); i += 2) {
            image[i] = 0x0f;
            image[i + 1] = 0x0b;
        }
        Path broken = Files.write(folder.resolve("vmlinuz"), image);

        assertThatThrownBy(() ->
                        new Lab(folder.resolve("cache"), Accelerator.TCG)
                                .prove(
                                        ProofRequest.of(broken).withProfiles(ONE_MODEL),
                                        System.err::println))
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        fault -> {
                            assertThat(fault.status()).isEqualTo(ExitStatus.ENVIRONMENT);
                            assertThat(fault.problems().getFirst().code())
                                    .isEqualTo("RBL-BOOT-FAILED");
                        });
        assertNothingIsLeft();
    }

    @Test
    void anInterruptedProofLeavesNoGuestAndNoFileBehind() throws Exception {
        Thread proving =
                new Thread(() ->
                        assertThatThrownBy(() -> prove(ProofRequest.of(kernel.image())))
                                .isInstanceOfSatisfying(
                                        RebootlessException.class,
                                        fault ->
                                                assertThat(fault.status())
                                                        .isEqualTo(ExitStatus.INTERRUPTED)));
        proving.start();
        Thread.sleep(1500);
        proving.interrupt();
        proving.join(10_000);

        assertThat(proving.isAlive()).isFalse();
        assertNothingIsLeft();
    }

    @Test
    void whatAKilledRunLeftLongAgoIsRemovedByTheNext() throws IOException {
        Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
        Path abandoned = Files.createTempDirectory(temporary, "rebootless-lab-0-");
        Path recent = Files.createTempDirectory(temporary, "rebootless-lab-0-");
        Files.writeString(abandoned.resolve("vmlinuz"), "");
        Files.setLastModifiedTime(
                abandoned, FileTime.from(Instant.now().minus(Duration.ofDays(2))));
        try {
            Workspace.create().close();
            assertThat(abandoned).doesNotExist();
            assertThat(recent).exists();
        } finally {
            AtomicFiles.removeTree(abandoned);
            AtomicFiles.removeTree(recent);
        }
    }

    /** Started as a process of its own by the next test. */
    static final class Proving {
        private Proving() {}

        static void main(String... arguments) {
            new Lab(Path.of(arguments[1]), Accelerator.TCG)
                    .prove(ProofRequest.of(Path.of(arguments[0])), System.err::println);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aProgramThatIsEndedLeavesNoGuestBehind(boolean politely) throws Exception {
        Process java =
                new ProcessBuilder(
                                ProcessHandle.current().info().command().orElse("java"),
                                "-cp",
                                System.getProperty("java.class.path"),
                                Proving.class.getName(),
                                kernel.image().toString(),
                                folder.toString())
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
        List<ProcessHandle> guests = List.of();
        for (int i = 0; i < 600 && guests.isEmpty() && java.isAlive(); i++) {
            Thread.sleep(50);
            guests = java.descendants().filter(LabTest::isQemu).toList();
        }
        assertThat(guests).isNotEmpty();

        if (politely) {
            java.destroy();
        } else {
            java.destroyForcibly();
        }
        assertThat(java.waitFor(20, TimeUnit.SECONDS)).isTrue();
        for (ProcessHandle guest : guests) {
            guest.onExit().get(5, TimeUnit.SECONDS);
        }
        List<Path> left = foldersOf(java.pid());
        if (politely) {
            assertThat(left).isEmpty();
        }
        for (Path path : left) {
            AtomicFiles.removeTree(path);
        }
    }

    private static Proof prove(ProofRequest request) {
        Proof proof = lab.prove(request, System.err::println);
        proof.boots().forEach(boot -> System.err.println(boot.cpuModel() + " " + boot.reasons()));
        return proof;
    }

    private Path check(String script) throws IOException {
        return Files.writeString(folder.resolve("check.sh"), script);
    }

    private static void assertNothingIsLeft() throws IOException {
        assertThat(ProcessHandle.current().descendants().filter(LabTest::isQemu)).isEmpty();
        assertThat(foldersOf(ProcessHandle.current().pid())).isEmpty();
    }

    private static boolean isQemu(ProcessHandle process) {
        return process.info().command().orElse("").contains("qemu");
    }

    private static List<Path> foldersOf(long pid) throws IOException {
        try (Stream<Path> files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
            String prefix = "rebootless-lab-" + pid + "-";
            return files.filter(file -> file.getFileName().toString().startsWith(prefix)).toList();
        }
    }

    private static int indexOf(byte[] bytes, byte[] pattern) {
        for (int i = 0; i + pattern.length <= bytes.length; i++) {
            if (java.util.Arrays.equals(bytes, i, i + pattern.length, pattern, 0, pattern.length)) {
                return i;
            }
        }
        throw new AssertionError("not found");
    }
}
