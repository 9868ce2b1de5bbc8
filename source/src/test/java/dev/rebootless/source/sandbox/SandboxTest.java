package dev.rebootless.source.sandbox;

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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

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
        assertThat(shell("cat /etc/passwd; ls /root /home /proc").err().lines())
                .hasSize(4)
                .allMatch(line -> line.contains("No such file or directory"));
    }

    @Test
    void theTreeAndTheToolchainCannotBeWrittenTo() {
        assertThat(shell("echo x > new").err()).contains("Read-only file system");
        assertThat(shell("echo x > /usr/new").err()).contains("Read-only file system");
        assertThat(shell("echo x > /build/out/new").ok()).isTrue();
        assertThat(out.resolve("new")).hasContent("x");
        assertThat(tree).isEmptyDirectory();
    }

    /**
     * As root, bwrap alone leaves every capability in the new user namespace, and with one of them
     * {@code /usr} can be mounted writable again. The numbers are those of x86-64: capget is 125
     * (capget(2), version 3), prctl 157 with PR_CAPBSET_READ 23, mount 165 with MS_REMOUNT 32 and
     * MS_BIND 4096.
     */
    @ParameterizedTest
    @EnumSource(Sandbox.Limits.class)
    void nothingHasCapabilitiesInsideAndUsrStaysReadOnlyAlsoForRoot(Sandbox.Limits limits) {
        Sandbox made = sandbox(limits);
        assertThat(
                        perl(
                                made,
                                "my $h = pack('Ll', 0x20080522, 0); my $d = \"\\0\" x 24;"
                                        + " syscall(125, $h, $d) == 0 or die $!;"
                                        + " print join(' ', unpack('L6', $d))"))
                .isEqualTo("0 0 0 0 0 0");
        assertThat(perl(made, "print scalar grep { syscall(157, 23, $_) == 1 } 0..40"))
                .isEqualTo("0");
        assertThat(
                        perl(
                                made,
                                "my ($n, $u) = ('none', '/usr');"
                                        + " print syscall(165, $n, $u, 0, 32 | 4096, 0), ' ',"
                                        + " $!{EPERM} ? 'EPERM' : $!"))
                .isEqualTo("-1 EPERM");
    }

    @Test
    void noProgramIsFoundOutsideTheFolderOfTheDistribution() {
        assertThat(shell("ls -A /usr/local").out()).isEmpty();
        assertThat(shell("for p in gcc-12 make; do command -v $p; done").out())
                .isEqualTo("/usr/bin/gcc-12\n/usr/bin/make\n");
    }

    @Test
    void aProgramThatIsNotThereIsAFailureOfTheCommandAndNotOfTheSandbox() {
        Subprocess.Result result =
                sandbox(Sandbox.Limits.LOOK).run(List.of("no-such-program", "--version"));
        assertThat(result.ok()).isFalse();
        assertThat(result.err()).contains("no-such-program");
    }

    /** The loader of the machine is not there either, so a program of its own would not start. */
    @Test
    void aRootOfItsOwnHidesThePrograms() throws IOException {
        Files.createDirectories(out.resolve("root/usr/bin"));
        Files.writeString(out.resolve("root/usr/bin/note"), "of the root");
        Sandbox made = Sandbox.of(Sandbox.Limits.LOOK, new ProgramRoot(out.resolve("root")));
        assertThat(made.run(List.of("sh", "-c", "true")).err()).contains("sh: No such file");
        // A static program of the machine, shown inside, sees the root.
        Path busybox = Path.of("/bin/busybox");
        assertThat(
                        made.readOnly(busybox, "/busybox")
                                .run(List.of("/busybox", "cat", "/usr/bin/note"))
                                .out())
                .isEqualTo("of the root");
        assertThat(
                        made.readOnly(busybox, "/busybox")
                                .run(List.of("/busybox", "ls", "/", "/usr/bin"))
                                .out()
                                .lines())
                .containsExactlyInAnyOrder(
                        "/:", "busybox", "dev", "tmp", "usr", "", "/usr/bin:", "note");
    }

    /** Each link would be followed on this machine, by the one who prepares the sandbox. */
    @Test
    void aRootOfItsOwnThatLinksToFoldersOfTheMachineShowsNoneOfThem() throws IOException {
        Path machines = Files.createDirectories(out.resolve("machine/alternatives")).getParent();
        Files.createDirectories(out.resolve("root/usr/bin"));
        Files.createSymbolicLink(out.resolve("root/etc"), machines);
        Files.createSymbolicLink(out.resolve("root/usr/local"), machines);
        Path busybox = Path.of("/bin/busybox");
        Subprocess.Result result =
                Sandbox.of(Sandbox.Limits.LOOK, new ProgramRoot(out.resolve("root")))
                        .alternatives()
                        .readOnly(busybox, "/busybox")
                        .run(List.of("/busybox", "ls", "/", "/etc/alternatives"));
        assertThat(result.out().lines())
                .containsExactlyInAnyOrder("/:", "busybox", "dev", "tmp", "usr");
        assertThat(result.err()).contains("/etc/alternatives: No such file");
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

    @ParameterizedTest
    @EnumSource(Sandbox.Limits.class)
    void everyKindOfJobIsLimitedInTimeMemoryAndFileSize(Sandbox.Limits limits) {
        assertThat(
                        sandbox(limits)
                                .run(
                                        List.of(
                                                "bash",
                                                "-c",
                                                "ulimit -t; ulimit -v; ulimit -f; ulimit -c"))
                                .out()
                                .lines()
                                .toList())
                .hasSize(4)
                .doesNotContain("unlimited")
                .endsWith("0");
    }

    @Test
    void anOverlayStandsInForAFileOfTheTree() throws IOException {
        Files.createDirectories(tree.resolve("fs"));
        Files.writeString(tree.resolve("fs/a.c"), "old");
        Path overlay = Files.writeString(out.resolve("new-a"), "new");
        assertThat(
                        sandbox(Sandbox.Limits.COMPILE)
                                .overlays(Map.of("fs/a.c", overlay))
                                .run(List.of("cat", "fs/a.c"))
                                .out())
                .isEqualTo("new");
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

    private static String perl(Sandbox sandbox, String script) {
        Subprocess.Result result = sandbox.run(List.of("perl", "-MErrno", "-e", script));
        assertThat(result.ok()).as(result.all()).isTrue();
        return result.out();
    }

    private RebootlessException failure(Path bwrap) {
        return catchThrowableOfType(
                RebootlessException.class,
                () -> Sandbox.of(Sandbox.Limits.COMPILE, bwrap).tree(tree).run(List.of("true")));
    }

    private Subprocess.Result shell(String script) {
        return sandbox(Sandbox.Limits.COMPILE).run(List.of("/bin/sh", "-c", script));
    }

    private Sandbox sandbox(Sandbox.Limits limits) {
        return Sandbox.of(limits).tree(tree).out(out);
    }
}
