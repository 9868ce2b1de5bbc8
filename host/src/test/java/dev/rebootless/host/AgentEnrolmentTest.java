package dev.rebootless.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.ExitStatus;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A host becomes one of a server's, once, and to no other. */
class AgentEnrolmentTest {
    @TempDir Path folder;
    private AgentRig rig;

    @BeforeEach
    void makeRig() throws Exception {
        rig = new AgentRig(folder);
    }

    @AfterEach
    void close() {
        rig.close();
    }

    private String rights(String name) throws IOException {
        return PosixFilePermissions.toString(
                Files.getPosixFilePermissions(rig.host.path("/var/lib/rebootless/" + name)));
    }

    private String[] enroll(String token) {
        return new String[] {
            "enroll",
            rig.fleet.url(),
            "--fingerprint",
            rig.fleet.fingerprint(),
            "--token-file",
            token
        };
    }

    @Test
    void anEnrolledHostHasItsKeyItsServerAndTheRootToTrust() throws IOException {
        rig.enrol();

        assertThat(rights("agent")).isEqualTo("rwx------");
        assertThat(rights("agent/identity.pem")).isEqualTo("rw-------");
        assertThat(rights("trusted")).isEqualTo("rwx------");
        assertThat(Files.readAllBytes(rig.host.path("/var/lib/rebootless/trusted/root.json")))
                .isEqualTo(rig.releases.firstRoot())
                .isEqualTo(
                        Files.readAllBytes(rig.host.path(AgentRig.AGENT + "/trusted/root.json")));
        assertThat(rig.enabled).containsExactly("rebootless-agent.timer");
        assertThat(rig.said()).contains(rig.fleet.hostId).doesNotContain(rig.fleet.token);
        assertThat(rig.agent("status")).isEqualTo(ExitStatus.DONE);
        assertThat(rig.printed())
                .contains(rig.fleet.url(), rig.fleet.hostId, rig.fleet.fingerprint());
    }

    @Test
    void theIdentityIsAKeyThatOtherToolsRead() throws Exception {
        rig.enrol();
        Process openssl =
                new ProcessBuilder(
                                "openssl",
                                "pkey",
                                "-in",
                                rig.host.path(AgentRig.AGENT + "/identity.pem").toString(),
                                "-pubout",
                                "-outform",
                                "DER")
                        .start();
        byte[] der = openssl.getInputStream().readAllBytes();
        assertThat(openssl.waitFor()).isZero();
        assertThat(java.util.HexFormat.of().formatHex(der))
                .endsWith(rig.fleet.publicKey.orElseThrow());
    }

    @Test
    void theTokenMayComeOverStandardInput() {
        assertThat(rig.agentWith(rig.fleet.token + "\n", enroll("-"))).isEqualTo(ExitStatus.DONE);
    }

    @Test
    void theTokenIsKeptNowhere() throws IOException {
        rig.enrol();
        try (Stream<Path> all = Files.walk(rig.host.root)) {
            assertThat(all.filter(Files::isRegularFile))
                    .isNotEmpty()
                    .noneMatch(file -> {
                        try {
                            return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1)
                                    .contains(rig.fleet.token);
                        } catch (IOException e) {
                            throw new java.io.UncheckedIOException(e);
                        }
                    });
        }
    }

    @Test
    void aServerWithAnotherCertificateIsNotToldTheToken() throws IOException {
        Path token = Files.writeString(folder.resolve("token"), rig.fleet.token);
        assertThat(
                        rig.fails(
                                        ExitStatus.REFUSED,
                                        "enroll",
                                        rig.fleet.url(),
                                        "--fingerprint",
                                        "SHA256:" + "ab".repeat(32),
                                        "--token-file",
                                        token.toString())
                                .code())
                .isEqualTo("RBL-AGENT-CERTIFICATE");
        assertThat(rig.fleet.asked()).isEmpty();
        assertThat(rig.host.path(AgentRig.AGENT)).doesNotExist();
    }

    @Test
    void anAnswerThatWasLostComesAgainForTheSameKey() throws IOException {
        rig.fleet.canned.add(TestFleet.Canned.lost("/agent/v1/enroll"));
        rig.fleet.canned.add(TestFleet.Canned.lost("/agent/v1/enroll"));
        rig.fleet.canned.add(TestFleet.Canned.lost("/agent/v1/enroll"));
        rig.fleet.canned.add(TestFleet.Canned.lost("/agent/v1/enroll"));
        Path token = Files.writeString(folder.resolve("token"), rig.fleet.token);
        assertThat(rig.fails(ExitStatus.ENVIRONMENT, enroll(token.toString())).code())
                .isEqualTo("RBL-AGENT-UNREACHABLE");
        String key = rig.fleet.publicKey.orElseThrow();
        assertThat(rig.pauses).hasSize(3).allMatch(p -> p.compareTo(Duration.ofSeconds(2)) >= 0);

        rig.enrol();
        assertThat(rig.fleet.publicKey).contains(key);
    }

    @Test
    void aHostThatBelongsToAServerIsNotEnrolledAgain() throws IOException {
        rig.enrol();
        assertThat(rig.fails(ExitStatus.USAGE, enroll("-")).code()).isEqualTo("RBL-AGENT-ENROLLED");
        assertThat(rig.fleet.asked()).isEmpty();
    }

    @Test
    void aTokenThatIsNotTakenIsSaidInTheServersWords() throws IOException {
        Path token = Files.writeString(folder.resolve("token"), "another-token");
        assertThat(rig.fails(ExitStatus.KERNEL_SAID_NO, enroll(token.toString())).code())
                .isEqualTo("RBL-FLEET-TOKEN");
        assertThat(rig.host.path(AgentRig.AGENT)).doesNotExist();
        assertThat(rig.fails(ExitStatus.ENVIRONMENT, "status").code())
                .isEqualTo("RBL-AGENT-NOT-ENROLLED");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "two words",
                "short",
                "\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\u0008"
            })
    void aFileWithoutATokenIsRefused(String content) throws IOException {
        Path token = Files.writeString(folder.resolve("token"), content);
        assertThat(rig.fails(ExitStatus.USAGE, enroll(token.toString())).code())
                .isEqualTo("RBL-AGENT-TOKEN");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://server:8443",
                "https://",
                "https://user@server",
                "https://server/path",
                "https://server?query",
                "server:8443",
                "https://ser ver"
            })
    void whatIsNoAddressOfAServerIsRefused(String url) {
        assertThat(
                        rig.fails(
                                        ExitStatus.USAGE,
                                        "enroll",
                                        url,
                                        "--fingerprint=" + rig.fleet.fingerprint(),
                                        "--token-file=-")
                                .code())
                .isEqualTo("RBL-AGENT-URL");
    }

    @Test
    void aRootThatDoesNotSignItselfIsNotTrusted() throws IOException {
        rig.fleet.canned.add(
                TestFleet.Canned.body(
                        "/agent/v1/enroll",
                        ("{\"schemaVersion\":1,\"host\":\""
                                        + rig.fleet.hostId
                                        + "\",\"root\":\"e30=\",\"intervalSeconds\":1800}")
                                .getBytes(StandardCharsets.UTF_8)));
        Path token = Files.writeString(folder.resolve("token"), rig.fleet.token);
        assertThat(rig.fails(ExitStatus.REFUSED, enroll(token.toString())).code())
                .isEqualTo("RBL-TUF-FORMAT");
        assertThat(rig.host.path(AgentRig.AGENT)).doesNotExist();
    }
}
