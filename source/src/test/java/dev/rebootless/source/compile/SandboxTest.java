package dev.rebootless.source.compile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SandboxTest {
    @TempDir Path tree;
    @TempDir Path out;

    @Test
    void onlyTheToolchainTheTreeAndTheOutputAreThere() throws IOException {
        Files.writeString(tree.resolve("a.c"), "x");
        assertThat(shell("ls / /build; pwd").out().lines())
                .containsExactlyInAnyOrder(
                        "/:",
                        "bin",
                        "build",
                        "dev",
                        "lib",
                        "lib64",
                        "tmp",
                        "usr",
                        "",
                        "/build:",
                        "linux",
                        "out",
                        "/build/linux");
        assertThat(shell("ls /dev; ls /usr/local; cat a.c").out()).isEqualTo("null\nx");
    }

    @Test
    void theEnvironmentIsFixedAndTheProcessesOfTheHostAreOutOfSight() {
        assertThat(shell("export -p").out())
                .doesNotContain("HOME")
                .contains("PATH='/usr/bin'", "LC_ALL='C'", "TMPDIR='/tmp'");
        assertThat(shell("echo $$").out().strip()).matches("[0-9]");
    }

    @Test
    void theTreeAndTheToolchainCannotBeWrittenTo() {
        assertThat(shell("echo x > new").err()).contains("Read-only file system");
        assertThat(shell("echo x > /usr/new").err()).contains("Read-only file system");
        assertThat(shell("echo x > /build/out/new").ok()).isTrue();
        assertThat(out.resolve("new")).hasContent("x");
        assertThat(tree).isEmptyDirectory();
    }

    @Test
    void thereIsNoNetwork() {
        assertThat(
                        shell(
                                        "exec 3<>/dev/tcp/127.0.0.1/22 || perl -e 'use Socket; socket(S,PF_INET,SOCK_STREAM,0); exit(connect(S,sockaddr_in(53,inet_aton(\"127.0.0.1\"))) ? 0 : 1)'")
                                .ok())
                .isFalse();
        assertThat(
                        shell(
                                        "perl -e 'use Socket; socket(S,PF_INET,SOCK_DGRAM,0) or die; connect(S,sockaddr_in(53,inet_aton(\"192.0.2.1\"))) or die \"$!\"'")
                                .err())
                .contains("unreachable");
    }

    @Test
    void theLimitsHold() {
        assertThat(shell("ulimit -t; ulimit -v; ulimit -c").out().lines().toList())
                .containsExactly("600", String.valueOf((6L << 30) / 1024), "0");
        Subprocess.Result large = shell("dd if=/dev/null of=/build/out/big bs=1 count=0 seek=2G");
        assertThat(large.ok()).isFalse();
    }

    @Test
    void anOverlayStandsInForAFileOfTheTree() throws IOException {
        Files.createDirectories(tree.resolve("fs"));
        Files.writeString(tree.resolve("fs/a.c"), "old");
        Path overlay = Files.writeString(out.resolve("new-a"), "new");
        Sandbox.Job job =
                new Sandbox.Job(
                        Sandbox.Rights.COMPILE,
                        List.of("cat", "fs/a.c"),
                        new TreeMap<>(Map.of("fs/a.c", overlay)),
                        out);
        assertThat(new Sandbox(tree).run(job).out()).isEqualTo("new");
        assertThat(tree.resolve("fs/a.c")).hasContent("old");
    }

    @Test
    void withoutBubblewrapNothingRunsAndThePackageIsNamed() {
        RebootlessException e = failure(Path.of("/nonexistent/bwrap"));
        assertThat(e.status()).isEqualTo(ExitStatus.ENVIRONMENT);
        assertThat(e.problems().getFirst().text())
                .contains("RBL-SANDBOX", "apt install bubblewrap");
    }

    @Test
    void withoutUserNamespacesItSaysSo() throws IOException {
        // What bwrap 0.8 prints where the kernel forbids them; this machine allows them.
        Path fake =
                Files.writeString(
                        out.resolve("bwrap"),
                        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace, likely"
                                + " because the kernel does not allow non-privileged user"
                                + " namespaces.' >&2\nexit 1\n");
        Files.setPosixFilePermissions(fake, PosixFilePermissions.fromString("rwxr-xr-x"));
        RebootlessException e = failure(fake);
        assertThat(e.status()).isEqualTo(ExitStatus.ENVIRONMENT);
        assertThat(e.problems().getFirst().text())
                .contains("RBL-SANDBOX", "unprivileged user namespaces");
    }

    private RebootlessException failure(Path bwrap) {
        return catchThrowableOfType(
                RebootlessException.class,
                () ->
                        new Sandbox(tree, bwrap)
                                .run(Sandbox.Job.of(Sandbox.Rights.COMPILE, List.of("true"), out)));
    }

    private Subprocess.Result shell(String script) {
        return new Sandbox(tree)
                .run(Sandbox.Job.of(Sandbox.Rights.COMPILE, List.of("/bin/sh", "-c", script), out));
    }
}
