package dev.rebootless.host.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.host.files.HostFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What of a machine's security its files show; what they do not show is not made up. */
class SecurityFactsTest {
    private static final String SECURE_BOOT =
            "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

    @TempDir Path root;

    private HostFiles files() {
        return new HostFiles(root);
    }

    private void put(String name, byte... bytes) throws IOException {
        Path file = root.resolve(name);
        Files.createDirectories(file.getParent());
        Files.write(file, bytes);
    }

    private void put(String name, String text) throws IOException {
        put(name, text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    @Test
    void aMachineThatShowsNothingIsUnknown() {
        assertThat(SecurityFacts.secureBoot(files())).isEmpty();
        assertThat(SecurityFacts.lockdown(files())).isEmpty();
        assertThat(SecurityFacts.taint(files())).isEmpty();
        assertThat(SecurityFacts.selinux(files())).isEmpty();
        assertThat(SecurityFacts.apparmor(files())).isEmpty();
        assertThat(SecurityFacts.sysctls(files())).isEmpty();
    }

    @Test
    void secureBootIsTheFifthByteOfItsVariable() throws IOException {
        Files.createDirectories(root.resolve("sys/firmware"));
        assertThat(SecurityFacts.secureBoot(files())).contains(false);
        Files.createDirectories(root.resolve("sys/firmware/efi"));
        assertThat(SecurityFacts.secureBoot(files())).isEmpty();
        put(SECURE_BOOT, (byte) 6, (byte) 0, (byte) 0, (byte) 0, (byte) 1);
        assertThat(SecurityFacts.secureBoot(files())).contains(true);
        put(SECURE_BOOT, (byte) 6, (byte) 0, (byte) 0, (byte) 0, (byte) 0);
        assertThat(SecurityFacts.secureBoot(files())).contains(false);
        put(SECURE_BOOT, (byte) 1);
        assertThat(SecurityFacts.secureBoot(files())).isEmpty();
    }

    @Test
    void lockdownIsTheWordInBrackets() throws IOException {
        put("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
        assertThat(SecurityFacts.lockdown(files())).contains("integrity");
        put("sys/kernel/security/lockdown", "none integrity\n");
        assertThat(SecurityFacts.lockdown(files())).isEmpty();
    }

    @Test
    void theSecurityModulesInForceAreTheKernelsList() throws IOException {
        put("sys/kernel/security/lsm", "lockdown,capability,apparmor\n");
        assertThat(SecurityFacts.apparmor(files())).contains("enabled");
        put("sys/kernel/security/lsm", "lockdown,capability,selinux\n");
        put("sys/fs/selinux/enforce", "1");
        assertThat(SecurityFacts.apparmor(files())).contains("disabled");
        assertThat(SecurityFacts.selinux(files())).contains("enforcing");
        put("sys/fs/selinux/enforce", "0");
        assertThat(SecurityFacts.selinux(files())).contains("permissive");
        put("sys/fs/selinux/enforce", "x".repeat(1000));
        assertThat(SecurityFacts.selinux(files())).isEmpty();
        Files.delete(root.resolve("sys/fs/selinux/enforce"));
        assertThat(SecurityFacts.selinux(files())).contains("disabled");
    }

    @Test
    void sysctlsAreThoseThatTheKernelHas() throws IOException {
        put("proc/sys/kernel/kptr_restrict", "2\n");
        put("proc/sys/kernel/yama/ptrace_scope", "1\n");
        put("proc/sys/user/max_user_namespaces", "x".repeat(100));
        assertThat(SecurityFacts.sysctls(files()))
                .containsOnlyKeys("kernel.kptr_restrict", "kernel.yama.ptrace_scope")
                .containsEntry("kernel.kptr_restrict", "2");
    }

    @Test
    void taintIsANumber() throws IOException {
        put("proc/sys/kernel/tainted", "45056\n");
        assertThat(SecurityFacts.taint(files())).contains(45056L);
        put("proc/sys/kernel/tainted", "9".repeat(40));
        assertThat(SecurityFacts.taint(files())).isEmpty();
    }

    @Test
    void aFingerprintIsReadAsToolsPrintIt() {
        String hex = "0123456789abcdef".repeat(4);
        Fingerprint one = Fingerprint.parse("SHA256:" + hex);
        assertThat(one.toString()).isEqualTo("SHA256:" + hex);
        assertThat(Fingerprint.parse("SHA256:" + hex.toUpperCase(java.util.Locale.ROOT)))
                .isEqualTo(one);
        assertThat(Fingerprint.parse("SHA256:" + hex.replaceAll("..(?=.)", "$0:"))).isEqualTo(one);
        assertThat(
                        Fingerprint.parse(
                                "SHA256:"
                                        + java.util.Base64.getEncoder()
                                                .withoutPadding()
                                                .encodeToString(
                                                        java.util.HexFormat.of().parseHex(hex))))
                .isEqualTo(one);
        for (String bad : java.util.List.of(hex, "SHA256:", "SHA256:" + hex + "0", "SHA1:" + hex)) {
            org.assertj.core.api.Assertions.assertThatThrownBy(() -> Fingerprint.parse(bad))
                    .hasMessageContaining("RBL-AGENT-FINGERPRINT");
        }
    }
}
