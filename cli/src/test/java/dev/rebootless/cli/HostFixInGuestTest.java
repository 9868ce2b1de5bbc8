package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A host that builds its own livepatch, and one that cannot. */
@Tag("long")
class HostFixInGuestTest {
    /** The proof by boot is left out: a guest in a guest takes hours. */
    private static final String FIX =
            "fix CVE-2099-0001 --patch /opt/fix.patch --no-test --watch 2 -o /root/out";

    @Test
    void aHostWithTheBuilderClosesACveByOneCommandAndKeepsItClosed(@TempDir Path folder)
            throws Exception {
        GuestFiles files = new GuestFiles("6.1", folder);
        Files.copy(GuestFiles.patch("version-line"), files.folder().resolve("fix.patch"));
        Files.copy(GuestFiles.patch("key-users-total"), files.folder().resolve("next.patch"));
        try (HostGuest host = files.bootWithBuilder()) {
            // The host's part alone says what to do.
            DebianGuest.Result without = host.rebootless(FIX);
            assertThat(without.requireStatus(5).err())
                    .contains(
                            "RBL-HOST-NO-BUILDER",
                            "rebootless build /opt/fix.patch --kernel 6.1.",
                            "--cve CVE-2099-0001");

            DebianGuest.Result dry = host.builder(FIX + " --dry-run");
            dry.requireStatus(0);
            assertThat(host.version()).as("a dry run").startsWith(HostGuest.SHIPPED);

            // Ended while the kernel's log is followed, it is in force and not kept yet.
            DebianGuest.Result ended =
                    host.run(
                            """
                            rebootless-builder %s --watch 200 >/run/fix 2>&1 &
                            fix=$!
                            until grep -q "^following the kernel log" /run/fix; do sleep 0.2; done
                            pkill -TERM -f dev.rebootless.cli.Main
                            wait $fix
                            status=$?
                            cat /run/fix
                            exit $status
                            """
                                    .formatted(FIX.replace("--watch 2", "")));
            System.err.println(ended.out());
            ended.requireStatus(128 + 15);
            assertThat(ended.out())
                    .contains("livepatch_cve_2099_0001 is in force after ", "RBL-INTERRUPTED");
            assertThat(host.version()).isEqualTo(HostGuest.FIRST);
            assertThat(host.rebootless("status").out()).doesNotContain("at boot");

            // The same again keeps what is there, and once more changes nothing.
            assertThat(host.builder(FIX).requireStatus(0).err())
                    .contains("livepatch_cve_2099_0001 will be loaded at each boot of 6.1.")
                    .endsWith("CVE-2099-0001 is closed by livepatch_cve_2099_0001\n");
            assertThat(host.builder(FIX).requireStatus(3).err())
                    .endsWith("CVE-2099-0001 is closed by livepatch_cve_2099_0001\n");

            // The next one goes on top, and both are found back.
            DebianGuest.Result next =
                    host.builder(
                            FIX.replace("-0001", "-0002").replace("fix.patch", "next.patch")
                                    + " --json");
            List<String> lines = next.requireStatus(0).out().lines().toList();
            assertThat(Cli.schemaErrors("build", lines.getFirst())).isEmpty();
            for (String event : lines.subList(1, lines.size())) {
                assertThat(Cli.schemaErrors("host-event", event)).as(event).isEmpty();
            }
            host.guest().reboot();
            assertThat(host.rebootless("status").requireStatus(0).out())
                    .contains("CVE-2099-0001  closed  livepatch_cve_2099_0001\n")
                    .contains("CVE-2099-0002  closed  livepatch_cve_2099_0002\n");
            assertThat(host.version()).isEqualTo(HostGuest.FIRST);
        }
    }
}
