package dev.rebootless.trust.tuf;

import static dev.rebootless.trust.tuf.TestRepository.MODULE;
import static dev.rebootless.trust.tuf.TestRepository.NOW;
import static dev.rebootless.trust.tuf.TestRepository.STATE;
import static dev.rebootless.trust.tuf.TestRepository.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Versions that count up: how far one update follows them, what another content of the same version
 * is taken for, and how those that an attacker signed far ahead are left behind.
 */
class TufVersionsTest {
    @TempDir private Path folder;
    private TestRepository repository;
    private TestHost host;

    @BeforeEach
    void aHostThatWasServedOnce() {
        repository = new TestRepository(folder.resolve("repository"));
        host = TestHost.of(folder.resolve("trusted"), repository.folder);
        repository.publishRoot();
        repository.publish();
        TufClient.trust(
                host.trusted(), repository.signedRoot(repository.root.subList(0, 2)).bytes());
        assertThat(host.target(STATE)).contains("load fix 1");
    }

    // ---- roots ----

    /** Those on the way may have expired (specification, 5.3.6). */
    @Test
    void twoHundredAndFiftySixRootsAreFollowedInOneUpdate() throws IOException {
        publishExpiredRootsUpTo(256);
        repository.rootVersion = 257;
        repository.rootEnd = NOW.plus(Duration.ofDays(1));
        repository.timestamp = Signer.generated();
        repository.publishRoot();
        repository.next();
        repository.publish();
        assertThat(host.target(STATE)).contains("load fix 1");
        assertThat(host.trustedVersion(TufRole.ROOT)).isEqualTo(257);
    }

    /** Specification, 5.3.3: the update goes on with the last one, and the next one from there. */
    @Test
    void furtherRootsAreLeftToTheNextUpdate() throws IOException {
        publishExpiredRootsUpTo(257);
        repository.rootVersion = 258;
        repository.rootEnd = NOW.plus(Duration.ofDays(1));
        repository.publishRoot();
        assertThat(host.refused(STATE)).isEqualTo(TufFault.Attack.FREEZE);
        assertThat(host.trustedVersion(TufRole.ROOT)).isEqualTo(257);
        assertThat(host.target(STATE)).contains("load fix 1");
        assertThat(host.trustedVersion(TufRole.ROOT)).isEqualTo(258);
    }

    @Test
    void anUpdateEndsWellWithARootThatIsNotTheLast() throws IOException {
        for (int version = 2; version <= 260; version++) {
            repository.rootVersion = version;
            repository.publishRoot();
        }
        assertThat(host.target(STATE)).contains("load fix 1");
        assertThat(host.trustedVersion(TufRole.ROOT)).isEqualTo(257);
        assertThat(host.target(STATE)).contains("load fix 1");
        assertThat(host.trustedVersion(TufRole.ROOT)).isEqualTo(260);
    }

    private void publishExpiredRootsUpTo(int last) {
        repository.rootEnd = NOW.minusSeconds(1);
        for (int version = 2; version <= last; version++) {
            repository.rootVersion = version;
            repository.publishRoot();
        }
    }

    // ---- two of one version ----

    /** Specification, 5.4.3.1: it is left aside, without an error. */
    @Test
    void anotherTimestampOfTheSameVersionIsNotBelieved() {
        repository.targetsVersion++;
        repository.stateVersion++;
        repository.snapshotVersion++;
        repository.wanted.put(STATE, repository.files.addTarget(STATE, bytes("load fix 2")));
        repository.publish();
        assertThat(host.target(STATE)).contains("load fix 1");
        repository.timestampVersion++;
        repository.publish();
        assertThat(host.target(STATE)).contains("load fix 2");
    }

    /** Its end cannot be put off under the same version. */
    @Test
    void freezeAnotherTimestampOfTheSameVersionDoesNotLastLonger() throws IOException {
        repository.timestampVersion = 2;
        repository.timestampEnd = NOW.plusSeconds(1);
        repository.publish();
        assertThat(host.target(STATE)).contains("load fix 1");
        repository.timestampEnd = NOW.plus(Duration.ofDays(9));
        repository.publish();
        TufClient later =
                new TufClient(
                        host.trusted(),
                        host.served(),
                        Clock.fixed(NOW.plusSeconds(1), ZoneOffset.UTC));
        TufFault fault = catchThrowableOfType(TufFault.class, () -> later.target(STATE, 100));
        assertThat(fault.attack()).isEqualTo(TufFault.Attack.FREEZE);
    }

    @Test
    void rollbackAnotherSnapshotOfTheSameVersionIsRefused() {
        repository.timestampVersion++;
        repository.targetsVersion++;
        repository.stateVersion++;
        repository.wanted.put(STATE, repository.files.addTarget(STATE, bytes("load fix 2")));
        repository.publish();
        assertThat(host.refused(STATE)).isEqualTo(TufFault.Attack.ROLLBACK);
        repository.timestampVersion++;
        repository.snapshotVersion++;
        repository.publish();
        assertThat(host.target(STATE)).contains("load fix 2");
    }

    @Test
    void rollbackOtherTargetsOfTheSameVersionAreRefused() {
        repository.timestampVersion++;
        repository.snapshotVersion++;
        repository.released.put(MODULE, repository.files.addTarget(MODULE, bytes("module 2")));
        repository.publish();
        assertThat(host.refused(MODULE)).isEqualTo(TufFault.Attack.ROLLBACK);
        repository.next();
        repository.publish();
        assertThat(host.target(MODULE)).contains("module 2");
    }

    /** Else a server could send hosts to and fro between two that the release keys have signed. */
    @Test
    void rollbackAnotherStateOfTheSameVersionIsRefused() {
        repository.timestampVersion++;
        repository.snapshotVersion++;
        repository.wanted.put(STATE, repository.files.addTarget(STATE, bytes("load fix 2")));
        repository.publish();
        assertThat(host.refused(STATE)).isEqualTo(TufFault.Attack.ROLLBACK);
        repository.next();
        repository.publish();
        assertThat(host.target(STATE)).contains("load fix 2");
    }

    @Test
    void theSameMetadataWithSignaturesOfOthersBesideAreTheSameVersion() {
        repository.timestampVersion++;
        repository.snapshotVersion++;
        repository.publish(
                SignedMetadata.of(repository.targetsMetadata(), repository.targets),
                SignedMetadata.of(repository.stateMetadata(), repository.state));
        assertThat(host.target(STATE)).contains("load fix 1");
    }

    // ---- versions far ahead, signed with keys that were lost ----

    /** The server, whose keys are its own, lists what the release keys have signed. */
    @Test
    void keyCompromiseTargetsFarAheadAreForgottenWhenTheSnapshotsKeyIsReplacedWithTheirs() {
        repository.next();
        repository.targetsVersion = Integer.MAX_VALUE;
        repository.publish();
        assertThat(host.target(STATE)).contains("load fix 1");

        repository.rootVersion = 2;
        repository.targets = TestRepository.three();
        repository.publishRoot();
        repository.next();
        repository.targetsVersion = 2;
        repository.publish();
        assertThat(host.refused(STATE)).isEqualTo(TufFault.Attack.ROLLBACK);

        repository.rootVersion = 3;
        repository.snapshot = Signer.generated();
        repository.publishRoot();
        repository.snapshotVersion++;
        repository.timestampVersion++;
        repository.publish();
        assertThat(host.target(STATE)).contains("load fix 1");
        assertThat(host.target(MODULE)).contains("module 1");
    }

    @Test
    void keyCompromiseTargetsFarAheadStayKnownWhileTheirKeysAreBelieved() {
        repository.next();
        repository.targetsVersion = Integer.MAX_VALUE;
        repository.publish();
        assertThat(host.target(STATE)).contains("load fix 1");

        repository.replaceServersKeys();
        repository.publishRoot();
        repository.next();
        repository.targetsVersion = 2;
        repository.publish();
        assertThat(host.refused(STATE)).isEqualTo(TufFault.Attack.ROLLBACK);
    }

    /** Who signs for the state stands in the targets; root has the snapshot's key. */
    @Test
    void keyCompromiseAStateFarAheadIsForgottenWhenTheSnapshotsKeyIsReplacedWithItsKeys() {
        repository.next();
        repository.stateVersion = Integer.MAX_VALUE;
        repository.publish();
        assertThat(host.target(STATE)).contains("load fix 1");

        repository.state = TestRepository.three();
        repository.targetsVersion++;
        repository.snapshotVersion++;
        repository.timestampVersion++;
        repository.stateVersion = 3;
        repository.publish();
        assertThat(host.refused(STATE)).isEqualTo(TufFault.Attack.ROLLBACK);

        repository.rootVersion = 2;
        repository.snapshot = Signer.generated();
        repository.publishRoot();
        repository.snapshotVersion++;
        repository.timestampVersion++;
        repository.publish();
        assertThat(host.target(STATE)).contains("load fix 1");
    }

    @Test
    void keyCompromiseATimestampFarAheadIsForgottenWhenItsKeyIsReplaced() {
        repository.next();
        repository.timestampVersion = Integer.MAX_VALUE;
        repository.publish();
        assertThat(host.target(STATE)).contains("load fix 1");

        repository.next();
        repository.timestampVersion = 3;
        repository.publish();
        assertThat(host.refused(STATE)).isEqualTo(TufFault.Attack.ROLLBACK);

        repository.rootVersion = 2;
        repository.timestamp = Signer.generated();
        repository.publishRoot();
        repository.publish();
        assertThat(host.target(STATE)).contains("load fix 1");
    }

    /** The timestamp says which snapshot is the newest, so what it said must be forgotten too. */
    @Test
    void keyCompromiseASnapshotFarAheadIsForgottenOnlyWhenBothKeysOfTheServerAreReplaced() {
        repository.next();
        repository.snapshotVersion = Integer.MAX_VALUE;
        repository.publish();
        assertThat(host.target(STATE)).contains("load fix 1");

        repository.rootVersion = 2;
        repository.snapshot = Signer.generated();
        repository.publishRoot();
        repository.next();
        repository.snapshotVersion = 3;
        repository.publish();
        assertThat(host.refused(STATE)).isEqualTo(TufFault.Attack.ROLLBACK);

        repository.rootVersion = 3;
        repository.timestamp = Signer.generated();
        repository.publishRoot();
        repository.publish();
        assertThat(host.target(STATE)).contains("load fix 1");
    }
}
