package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A livepatch's whole life on a host, as README tells it: proven by boot, loaded, looked at,
 * unloaded, installed, found back after a reboot, and taken out for good. What it prints is what
 * README shows.
 */
@Tag("long")
class HostSessionTest {
    @ParameterizedTest
    @ValueSource(strings = {"6.1", "6.12"})
    void aProvenLivepatchLivesOnAHostUntilItIsTakenOut(String line, @TempDir Path folder)
            throws Exception {
        GuestFiles files =
                new GuestFiles(line, folder)
                        .proven(
                                "version",
                                List.of(GuestFiles.patch("version-line")),
                                "--cve",
                                "CVE-2099-0001");
        try (HostGuest host = files.boot()) {
            Session session = new Session(host);
            session.run("uname -r");
            assertThat(session.run("rebootless load --watch 5 /opt/livepatch-version.ko"))
                    .contains("livepatch_version is in force after ");
            assertThat(session.run("rebootless status --functions"))
                    .contains("CVE-2099-0001  closed  livepatch_version\n")
                    .contains("vmlinux  version_proc_show  patched  livepatch_version\n");
            assertThat(session.run("tail -n 1 /proc/version")).isEqualTo(HostGuest.FIRST);
            assertThat(session.run("rebootless unload livepatch_version"))
                    .endsWith("livepatch_version is removed\n");
            assertThat(session.run("tail -n 1 /proc/version")).startsWith(HostGuest.SHIPPED);
            session.run("rebootless install /opt/livepatch-version.ko");
            System.err.println("# reboot");
            host.guest().reboot();
            assertThat(session.run("rebootless status"))
                    .contains("at boot  livepatch_version\n")
                    .contains("CVE-2099-0001  closed  livepatch_version\n");
            assertThat(
                            session.run(
                                    "systemd-analyze critical-chain rebootless.service | grep rebootless"))
                    .contains("rebootless.service");
            session.run("rebootless uninstall livepatch_version");
            session.run("rebootless unload livepatch_version");
            assertThat(session.run("rebootless status"))
                    .contains("no livepatch is loaded\n")
                    .doesNotContain("at boot", "CVE-");
            assertThat(host.run("pgrep -f HostMain").out()).as("resident").isEmpty();
        }
    }

    /** Shows what is typed and what comes. */
    private record Session(HostGuest host) {
        String run(String command) throws Exception {
            DebianGuest.Result result = host.run(command + " 2>&1");
            System.err.print("# " + command + "\n" + result.out());
            return result.requireStatus(0).out();
        }
    }
}
