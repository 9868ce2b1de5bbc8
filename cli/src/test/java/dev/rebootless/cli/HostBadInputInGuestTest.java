package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Modules that are not for this host, and a host that lacks something; with the real kernel. */
@Tag("long")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class HostBadInputInGuestTest {
    /** Of the ELF header (elf(5)): e_machine, and EM_AARCH64. */
    private static final int E_MACHINE = 18;

    private static final short EM_AARCH64 = 183;

    private static final String LOAD = "load --watch 0 --unproven /opt/";

    private @Nullable HostGuest booted;

    @BeforeAll
    void bootTheGuest(@TempDir Path temporary) throws Exception {
        GuestFiles files = new GuestFiles("6.1", temporary).twoVersions();
        files.ofLine("6.12", "elsewhere", List.of(GuestFiles.patch("version-line")));
        Path folder = files.folder();
        byte[] first = Files.readAllBytes(folder.resolve("livepatch-first.ko"));
        byte[] foreign = first.clone();
        ByteBuffer.wrap(foreign).order(ByteOrder.LITTLE_ENDIAN).putShort(E_MACHINE, EM_AARCH64);
        Files.write(folder.resolve("aarch64.ko"), foreign);
        // Every byte stands for itself in Latin-1.
        String text = new String(first, StandardCharsets.ISO_8859_1);
        String id = files.buildId();
        String other = id.substring(0, 39) + (id.endsWith("0") ? "1" : "0");
        assertThat(text).contains(id);
        Files.writeString(
                folder.resolve("other-build.ko"),
                text.replace(id, other),
                StandardCharsets.ISO_8859_1);
        booted = files.boot();
    }

    @AfterAll
    void shutDown() throws Exception {
        if (booted != null) {
            booted.close();
        }
    }

    @AfterEach
    void cleanUp() throws Exception {
        assertThat(host().version()).startsWith(HostGuest.SHIPPED);
        host().cleanUp();
    }

    private HostGuest host() {
        return Objects.requireNonNull(booted);
    }

    @Test
    void aModuleForAnotherReleaseIsRefused() throws Exception {
        assertThat(host().rebootless(LOAD + "livepatch-elsewhere.ko").requireStatus(4).err())
                .contains("RBL-HOST-RELEASE", "6.12.", "6.1.0-");
        // It may be kept for that kernel, and is not loaded in this one.
        host().rebootless("install --unproven /opt/livepatch-elsewhere.ko").requireStatus(0);
        assertThat(host().rebootless("status").out()).doesNotContain("at boot");
    }

    @Test
    void aModuleForAnotherBuildOfTheReleaseIsRefused() throws Exception {
        assertThat(host().rebootless(LOAD + "other-build.ko").requireStatus(4).err())
                .contains("RBL-HOST-BUILD");
    }

    @Test
    void aModuleForAnotherArchitectureIsRefused() throws Exception {
        DebianGuest.Result load = host().rebootless(LOAD + "aarch64.ko");
        assertThat(load.status()).isIn(2, 4);
        assertThat(load.err()).containsPattern("RBL-(HOST-ARCHITECTURE|KERNEL-MODULE): ");
    }

    @Test
    void aFullOrReadOnlyStoreStaysAsItIs() throws Exception {
        host().run(
                        "mkdir -p /var/lib/rebootless && mount -t tmpfs -o size=900k none /var/lib/rebootless")
                .requireStatus(0);
        host().rebootless("install --unproven /opt/livepatch-first.ko").requireStatus(0);
        String before = host().run("cd /var/lib/rebootless; find . -type f | sort").out();
        host().run("head -c 900k /dev/zero >/var/lib/rebootless/filler");
        assertThat(
                        host().rebootless("install --unproven /opt/livepatch-second.ko")
                                .requireStatus(5)
                                .err())
                .contains("RBL-HOST-STORE", "what to do: ");
        host().run("rm /var/lib/rebootless/filler; mount -o remount,ro /var/lib/rebootless");
        assertThat(
                        host().rebootless("install --unproven /opt/livepatch-second.ko")
                                .requireStatus(5)
                                .err())
                .contains("RBL-HOST-STORE");
        host().rebootless("uninstall livepatch_first").requireStatus(5);
        assertThat(host().run("cd /var/lib/rebootless; find . -type f | sort").out())
                .isEqualTo(before);
        assertThat(host().rebootless("status").requireStatus(0).out())
                .contains("at boot  livepatch_first\n");
        host().run("umount /var/lib/rebootless").requireStatus(0);
    }

    /** In a mount namespace of its own, where what a kernel without it lacks is covered. */
    @Test
    void aKernelWithoutLivepatchingIsSaidToBeOne() throws Exception {
        for (String command : List.of("status", "list", LOAD + "livepatch-first.ko")) {
            String covered =
                    "unshare -m sh -c 'mount -t tmpfs none /sys/kernel && exec rebootless "
                            + command
                            + "'";
            assertThat(host().run(covered).requireStatus(5).err())
                    .contains("RBL-HOST-NO-LIVEPATCH");
        }
    }

    @Test
    void withoutTracefsAndDebugfsWhatTheyWouldSayIsUnknownAndTheKernelDecides() throws Exception {
        DebianGuest.Result load =
                host().run(
                                """
                                unshare -m sh -c '
                                    for place in tracing debug/tracing debug security; do
                                        mountpoint -q /sys/kernel/$place && umount /sys/kernel/$place
                                    done
                                    exec rebootless %slivepatch-first.ko'
                                """
                                        .formatted(LOAD))
                        .requireStatus(0);
        assertThat(load.err())
                .contains("  unknown  probes: ", "  unknown  other tracers: ")
                .contains("livepatch_first is in force after ");
        host().rebootless("unload livepatch_first").requireStatus(0);
    }
}
