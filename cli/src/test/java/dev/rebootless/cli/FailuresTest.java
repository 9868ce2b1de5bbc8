package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.source.kit.Kits;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Which exit status and code a failure becomes. */
class FailuresTest {
    private static final String FULL = "No space left on device";

    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private ExitStatus report(Throwable failure) {
        Console console =
                new Console(
                        OutputStream.nullOutputStream(),
                        new PrintStream(err, true, StandardCharsets.UTF_8));
        return new Failures(
                        console,
                        new Main.Interruption(Thread.currentThread(), Duration.ZERO),
                        false,
                        false)
                .report(failure, "command");
    }

    private String said() {
        return err.toString(StandardCharsets.UTF_8);
    }

    @Test
    void aFailedProofThatQuotesAFullDiskIsAFailedProof() {
        ExitStatus status =
                report(
                        new RebootlessException(
                                ExitStatus.PROOF_FAILED,
                                new Problem(
                                        "RBL-PROOF-FAILED",
                                        "fix.ko",
                                        "the check says: cp: " + FULL,
                                        "correct the patch")));
        assertThat(status).isEqualTo(ExitStatus.PROOF_FAILED);
        assertThat(said()).contains("RBL-PROOF-FAILED: fix.ko").doesNotContain("RBL-DISK");
    }

    @Test
    void aHunkThatQuotesAFullDiskIsARefusal() {
        ExitStatus status =
                report(
                        RebootlessException.refused(
                                "RBL-HUNK-MISMATCH",
                                "fs/a.c:7",
                                "expects: " + FULL,
                                "rebase the patch"));
        assertThat(status).isEqualTo(ExitStatus.REFUSED);
        assertThat(said()).contains("RBL-HUNK-MISMATCH").doesNotContain("RBL-DISK");
    }

    @Test
    void aFaultOfOursThatQuotesAFullDiskIsAFaultOfOurs() {
        assertThat(report(new IllegalStateException("no unit says: " + FULL)))
                .isEqualTo(ExitStatus.INTERNAL);
        assertThat(said()).contains("RBL-INTERNAL").doesNotContain("RBL-DISK");
    }

    @Test
    void aFullDiskIsTheEnvironmentsFaultWhereverItIsFound() {
        IOException full = new IOException(FULL);
        for (Throwable failure :
                new Throwable[] {
                    full,
                    new UncheckedIOException(full),
                    new IllegalStateException("while writing", full),
                    RebootlessException.environment(
                            "RBL-OUTPUT", "out", "cannot be written: " + FULL, "choose another")
                }) {
            err.reset();
            assertThat(report(failure)).isEqualTo(ExitStatus.ENVIRONMENT);
            assertThat(said()).contains("RBL-DISK");
        }
    }

    @Test
    void aCacheThatCannotBeReadOrWrittenIsTheEnvironmentsFaultAndNamesTheFile() {
        String file = Kits.userCache().resolve("kits/6.1.0-9-cloud-amd64").toString();
        for (Throwable failure :
                new Throwable[] {
                    new UncheckedIOException(new AccessDeniedException(file)),
                    new IllegalStateException(
                            new UncheckedIOException(
                                    new FileSystemException(file, null, "Read-only file system")))
                }) {
            err.reset();
            assertThat(report(failure)).isEqualTo(ExitStatus.ENVIRONMENT);
            assertThat(said())
                    .contains("RBL-CACHE: " + file + ": cannot be read or written: ")
                    .containsAnyOf("permission denied", "Read-only file system")
                    .doesNotContain("RBL-INTERNAL");
        }
    }

    @Test
    void aFolderForTemporaryFilesThatCannotBeWrittenIsNamedAsThat() {
        String file = System.getProperty("java.io.tmpdir") + "/rebootless-rebuild-1";
        assertThat(report(new UncheckedIOException(new AccessDeniedException(file))))
                .isEqualTo(ExitStatus.ENVIRONMENT);
        assertThat(said()).contains("RBL-OUTPUT: " + file).contains("TMPDIR");
    }

    @Test
    void aFaultThatIsAboutNoFileIsStillAFaultOfOurs() {
        assertThat(report(new UncheckedIOException(new IOException("Broken pipe"))))
                .isEqualTo(ExitStatus.INTERNAL);
        assertThat(said()).contains("RBL-INTERNAL");
    }
}
