package dev.rebootless.release.publish;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.release.DesiredState;
import dev.rebootless.release.Keyring;
import dev.rebootless.trust.tuf.FileFacts;
import dev.rebootless.trust.tuf.Metadata;
import dev.rebootless.trust.tuf.RepositoryReader;
import dev.rebootless.trust.tuf.SignedMetadata;
import dev.rebootless.trust.tuf.Signer;
import dev.rebootless.trust.tuf.TufClient;
import dev.rebootless.trust.tuf.TufRepository;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A whole repository on the disk, with keys in files, and a host that reads it. */
class PublisherTest {
    private static final Instant NOW = Instant.parse("2026-11-28T09:00:00Z");
    private static final String CVE = "CVE-2026-1234";
    private static final String OTHER = "CVE-2026-5678";
    private static final Promotion TO_CANARY = promotion("fix", "canary");

    @TempDir Path folder = Path.of("");
    private Instant now = NOW;

    @BeforeEach
    void begin() {
        new NewRepository(
                        folder.resolve("repo"),
                        folder.resolve("keys"),
                        folder.resolve("online"),
                        3,
                        2)
                .create(clock());
        TufClient.trust(host(), read(folder.resolve("repo/metadata/1.root.json")));
    }

    private Clock clock() {
        return Clock.fixed(now, ZoneOffset.UTC);
    }

    private Path host() {
        return folder.resolve("host");
    }

    private static byte[] read(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private Publisher publisher(String... keys) {
        Keyring keyring = Keyring.read(Stream.of(keys).map(folder::resolve).toList());
        return new Publisher(
                folder.resolve("repo"), folder.resolve("keys/release/trusted"), keyring, clock());
    }

    private Publisher all() {
        return publisher("keys/release", "online");
    }

    private Publisher server() {
        return new Publisher(
                folder.resolve("repo"),
                folder.resolve("online/trusted"),
                Keyring.read(List.of(folder.resolve("online"))),
                clock());
    }

    /** What a host sees. */
    private Optional<byte[]> target(String path) {
        return new TufClient(host(), RepositoryReader.of(folder.resolve("repo")), clock())
                .target(path, 1 << 20);
    }

    private DesiredState state(String ring) {
        String path = DesiredState.path(TestReleases.BUILD, ring);
        return DesiredState.read(target(path).orElseThrow(), path);
    }

    private static Promotion promotion(String name, String ring) {
        return new Promotion(name, Optional.empty(), List.of(ring), Duration.ZERO, false);
    }

    private static ReleaseFiles fix() {
        return TestReleases.files("fix", List.of(CVE), List.of("f", "g"));
    }

    private static void assertCode(Runnable action, String code) {
        assertThatThrownBy(action::run)
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e -> assertThat(e.problems().getFirst().code()).isEqualTo(code));
    }

    @Test
    void aHostGetsWhatIsPublishedAndRunsItWhereItIsPromoted() {
        assertThat(all().publish(fix())).isEqualTo(new Publisher.Result(true, true, List.of()));
        String module = "releases/0123abcd/fix/livepatch.ko";
        assertThat(target(module)).contains(TestReleases.module("fix"));
        assertThat(target("releases/0123abcd/fix/patches/01-fix_it.patch"))
                .contains(TestReleases.patch("fix"));
        assertThat(target(DesiredState.path(TestReleases.BUILD, "canary"))).isEmpty();

        all().promote(
                        new Promotion(
                                "fix",
                                Optional.of(TestReleases.RELEASE),
                                List.of("canary", "all"),
                                Duration.ofHours(24),
                                false));
        DesiredState state = state("canary");
        assertThat(state.version()).isEqualTo(1);
        assertThat(state.load().orElseThrow().path()).isEqualTo(module);
        assertThat(state.load().orElseThrow().name()).isEqualTo("livepatch_fix");
        assertThat(state.reversible().getFirst().until()).isEqualTo(NOW.plusSeconds(86400));
        assertThat(state("all").load()).isEqualTo(state.load());
        assertThat(all().catalog().releases()).hasSize(1);
        assertThat(all().catalog().states()).hasSize(2);
    }

    @Test
    void theSameAgainChangesNothing() {
        all().publish(fix());
        all().promote(TO_CANARY);
        assertThat(all().publish(fix()).changed()).isFalse();
        assertThat(all().promote(TO_CANARY).changed()).isFalse();
        assertThat(state("canary").version()).isEqualTo(1);
    }

    @Test
    void oneKeyOfTwoPublishesNothingAndLeavesNothing() throws Exception {
        Publisher one = publisher("keys/release/release-1.pem", "online");
        assertCode(() -> one.publish(fix()), "RBL-KEYS-MISSING");
        assertThat(folder.resolve("repo/targets")).doesNotExist();
        assertThat(folder.resolve("repo/metadata/2.targets.json")).doesNotExist();
        all().publish(fix());
        assertCode(() -> one.promote(TO_CANARY), "RBL-KEYS-MISSING");
        assertThat(target(DesiredState.path(TestReleases.BUILD, "canary"))).isEmpty();
    }

    @Test
    void whatNoBootHasProvenIsNotPublished() {
        Manifest manifest = TestReleases.manifest("fix", List.of(CVE), List.of("f"));
        byte[] module = TestReleases.module("fix");
        List<byte[]> patches = List.of(TestReleases.patch("fix"));
        String unproven = TestReleases.beside(manifest, module, Optional.empty());
        assertCode(
                () -> ReleaseFiles.of(module, manifest, unproven, patches), "RBL-PUBLISH-UNPROVEN");
        String failed =
                TestReleases.beside(
                        manifest,
                        module,
                        Optional.of(TestReleases.proof(module, List.of("it crashed"))));
        assertCode(
                () -> ReleaseFiles.of(module, manifest, failed, patches), "RBL-PUBLISH-UNPROVEN");
        String another =
                TestReleases.beside(
                        manifest,
                        module,
                        Optional.of(TestReleases.proof(TestReleases.module("other"), List.of())));
        assertCode(
                () -> ReleaseFiles.of(module, manifest, another, patches), "RBL-PUBLISH-UNPROVEN");
        String proven =
                TestReleases.beside(
                        manifest, module, Optional.of(TestReleases.proof(module, List.of())));
        assertCode(
                () -> ReleaseFiles.of(module, manifest, proven, List.of()), "RBL-PUBLISH-PATCHES");
        Manifest otherManifest = TestReleases.manifest("fix", List.of(OTHER), List.of("f"));
        assertCode(
                () -> ReleaseFiles.of(module, otherManifest, proven, patches), "RBL-PUBLISH-MIXED");
    }

    @Test
    void anotherModuleUnderTheSameNameIsRefused() {
        all().publish(fix());
        Manifest manifest = TestReleases.manifest("fix", List.of(CVE), List.of("f"));
        byte[] module = TestReleases.bytes("another build");
        ReleaseFiles other =
                ReleaseFiles.of(
                        module,
                        manifest,
                        TestReleases.beside(
                                manifest,
                                module,
                                Optional.of(TestReleases.proof(module, List.of()))),
                        List.of(TestReleases.patch("fix")));
        assertCode(() -> all().publish(other), "RBL-RELEASE-EXISTS");
    }

    @Test
    void whatAReplacingReleaseWouldLoseIsRefused() {
        all().publish(fix());
        all().promote(TO_CANARY);
        all().publish(TestReleases.files("less", List.of(CVE, OTHER), List.of("f")));
        assertThatThrownBy(() -> all().promote(promotion("less", "canary")))
                .hasMessageContaining("lacks vmlinux:g");
        all().publish(TestReleases.files("more", List.of(CVE, OTHER), List.of("f", "g", "h")));
        all().promote(promotion("more", "canary"));
        assertThat(state("canary").load().orElseThrow().name()).isEqualTo("livepatch_more");
        assertThat(state("canary").version()).isEqualTo(2);
        // A ring that has nothing loses nothing.
        all().promote(promotion("less", "all"));
        all().promote(
                        new Promotion(
                                "less", Optional.empty(), List.of("canary"), Duration.ZERO, true));
        assertThat(state("canary").load().orElseThrow().name()).isEqualTo("livepatch_less");
    }

    @Test
    void whatIsWithdrawnCannotBeLoadedAndIsTakenOut() {
        all().publish(fix());
        all().publish(TestReleases.files("old", List.of(CVE), List.of("f")));
        all().promote(
                        new Promotion(
                                "fix",
                                Optional.empty(),
                                List.of("canary", "all"),
                                Duration.ofHours(1),
                                false));
        all().promote(promotion("old", "early"));
        all().withdraw(new Withdrawal("fix", Optional.empty(), Optional.of("old")));
        assertThat(target("releases/0123abcd/fix/livepatch.ko")).isEmpty();
        assertThat(target("releases/0123abcd/old/livepatch.ko")).isPresent();
        for (String ring : List.of("canary", "all")) {
            DesiredState state = state(ring);
            assertThat(state.load().orElseThrow().name()).isEqualTo("livepatch_old");
            assertThat(state.unload())
                    .containsExactly(
                            new DesiredState.Unload(
                                    "livepatch_fix",
                                    FileFacts.of(TestReleases.module("fix")).sha256()));
            assertThat(state.reversible()).isEmpty();
        }
        // Hosts of a ring that should run another by now may still have it.
        assertThat(state("early").load().orElseThrow().name()).isEqualTo("livepatch_old");
        assertThat(state("early").unload()).hasSize(1);
        assertCode(
                () -> all().withdraw(new Withdrawal("fix", Optional.empty(), Optional.empty())),
                "RBL-RELEASE-UNKNOWN");
        all().withdraw(new Withdrawal("old", Optional.empty(), Optional.empty()));
        assertThat(state("early").load()).isEmpty();
    }

    @Test
    void withoutTheServersKeysNothingIsVisibleUntilTheServerSigns() {
        Publisher away = publisher("keys/release");
        assertThat(away.publish(fix()).visible()).isFalse();
        // One goes on from what waits.
        assertThat(away.promote(TO_CANARY).visible()).isFalse();
        assertThat(target("releases/0123abcd/fix/livepatch.ko")).isEmpty();
        assertThat(server().refresh()).isEqualTo(new Publisher.Result(true, true, List.of()));
        assertThat(target("releases/0123abcd/fix/livepatch.ko")).isPresent();
        assertThat(state("canary").load()).isPresent();
        assertThat(server().refresh().changed()).isFalse();
    }

    @Test
    void theServerKeepsTimestampAndSnapshotFreshAndWhoReleasesTheRest() {
        all().publish(fix());
        now = NOW.plus(Duration.ofDays(13));
        assertThatThrownBy(() -> target("releases/0123abcd/fix/livepatch.ko"))
                .hasMessageContaining("expired");
        server().refresh();
        assertThat(target("releases/0123abcd/fix/livepatch.ko")).isPresent();
        now = NOW.plus(Duration.ofDays(15));
        server().refresh();
        // The states have ended, and the server cannot prolong them.
        assertThatThrownBy(() -> target(DesiredState.path(TestReleases.BUILD, "canary")))
                .hasMessageContaining("expired");
        all().refresh();
        assertThat(target(DesiredState.path(TestReleases.BUILD, "canary"))).isEmpty();
    }

    /** What a captured server slips in must not come under a release key's signature. */
    @Test
    void whatACapturedServerSlippedInIsNotSigned() {
        all().publish(fix());
        TufRepository files = new TufRepository(folder.resolve("repo"));
        SortedMap<String, FileFacts> evil = new TreeMap<>();
        evil.put("releases/0123abcd/evil/livepatch.ko", FileFacts.of(new byte[1]));
        files.publishTargets(
                "targets",
                SignedMetadata.of(
                        new Metadata.Targets(
                                "targets",
                                3,
                                NOW.plusSeconds(1000),
                                evil,
                                new TreeMap<>(),
                                List.of()),
                        List.of(Signer.generated(), Signer.generated())));
        assertCode(() -> all().promote(TO_CANARY), "RBL-TUF-SIGNATURES");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aServerThatGoesBackIsNotSignedFor(boolean visible) throws Exception {
        all().publish(fix());
        Path repo = folder.resolve("repo");
        Path before = folder.resolve("before");
        copy(repo, before);
        (visible ? all() : publisher("keys/release"))
                .withdraw(new Withdrawal("fix", Optional.empty(), Optional.empty()));
        AtomicFiles.removeTree(repo);
        copy(before, repo);
        // As it stands there, the withdrawal never was; who signed it knows better.
        assertCode(
                () -> all().publish(TestReleases.files("next", List.of(OTHER), List.of("h"))),
                "RBL-TUF-ROLLBACK");
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> walk = Files.walk(from)) {
            for (Path path : walk.toList()) {
                Path target = to.resolve(from.relativize(path).toString());
                if (Files.isDirectory(path)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(path, target);
                }
            }
        }
    }

    @Test
    void aPublicationThatWasKilledBetweenTwoFilesIsTakenUp() throws Exception {
        Path repo = folder.resolve("repo");
        Path before = folder.resolve("before");
        copy(repo, before);
        all().publish(fix());
        // As if the process had been killed before it wrote the timestamp.
        Files.copy(
                before.resolve("metadata/timestamp.json"),
                repo.resolve("metadata/timestamp.json"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        assertThat(target("releases/0123abcd/fix/livepatch.ko")).isEmpty();
        assertThat(all().promote(TO_CANARY).visible()).isTrue();
        assertThat(target("releases/0123abcd/fix/livepatch.ko")).isPresent();
        assertThat(state("canary").load()).isPresent();
    }

    private int rotate(KeyRotation.Replaced role, String to, String... keys) {
        return new KeyRotation(
                        folder.resolve("repo"),
                        folder.resolve("keys/root/trusted"),
                        Keyring.read(Stream.of(keys).map(folder::resolve).toList()))
                .rotate(role, folder.resolve(to), clock());
    }

    /** An older list under the name of the next must not become the newest. */
    @Test
    void anOlderVersionUnderTheNextNameIsNotSigned() throws Exception {
        all().publish(fix());
        all().withdraw(new Withdrawal("fix", Optional.empty(), Optional.empty()));
        Path metadata = folder.resolve("repo/metadata");
        Files.copy(metadata.resolve("2.targets.json"), metadata.resolve("4.targets.json"));
        assertCode(
                () -> rotate(KeyRotation.Replaced.RELEASE, "new", "keys/root", "online"),
                "RBL-TUF-ROLLBACK");
    }

    @Test
    void whatACallThatWasKilledLeftDoesNotKeepARotationFromBeingDone() throws Exception {
        all().publish(fix());
        Path repo = folder.resolve("repo");
        Files.createDirectories(repo.resolve(".rotation/metadata"));
        Files.writeString(repo.resolve(".rotation/metadata/2.root.json"), "half");
        Files.writeString(repo.resolve("metadata/3.snapshot.json"), "half");
        assertThat(rotate(KeyRotation.Replaced.RELEASE, "new", "keys/root", "online")).isEqualTo(2);
        assertThat(target("releases/0123abcd/fix/livepatch.ko")).isPresent();
        assertThat(repo.resolve(".rotation")).doesNotExist();
    }

    @Test
    void keyCompromiseTheKeysOfReleaseAreReplacedAndTheOldSignNothingMore() {
        all().publish(fix());
        all().promote(TO_CANARY);
        assertThat(rotate(KeyRotation.Replaced.RELEASE, "new", "keys/root", "online")).isEqualTo(2);
        assertThat(state("canary").load()).isPresent();
        assertCode(
                () -> all().withdraw(new Withdrawal("fix", Optional.empty(), Optional.empty())),
                "RBL-KEYS-MISSING");
        publisher("new", "online")
                .withdraw(new Withdrawal("fix", Optional.empty(), Optional.empty()));
        assertThat(target("releases/0123abcd/fix/livepatch.ko")).isEmpty();
    }

    @Test
    void keyCompromiseTheKeysOfTheServerAreReplaced() {
        all().publish(fix());
        rotate(KeyRotation.Replaced.TIMESTAMP, "new", "keys/root", "online");
        rotate(KeyRotation.Replaced.SNAPSHOT, "new", "keys/root", "online", "new/timestamp.pem");
        assertThat(target("releases/0123abcd/fix/livepatch.ko")).isPresent();
        assertThat(server().refresh().visible()).isTrue();
        assertThat(publisher("keys/release", "online").promote(TO_CANARY).visible()).isFalse();
        assertThat(publisher("new").refresh().visible()).isTrue();
        assertThat(state("canary").load()).isPresent();
    }

    @Test
    void theKeysOfRootAreReplacedAndHostsFollow() {
        rotate(KeyRotation.Replaced.ROOT, "new", "keys/root", "online");
        all().publish(fix());
        assertThat(target("releases/0123abcd/fix/livepatch.ko")).isPresent();
        assertCode(
                () -> rotate(KeyRotation.Replaced.ROOT, "newer", "keys/root", "online"),
                "RBL-KEYS-MISSING");
        assertThat(rotate(KeyRotation.Replaced.ROOT, "newer", "new", "online")).isEqualTo(3);
        assertThat(target("releases/0123abcd/fix/livepatch.ko")).isPresent();
    }

    @Test
    void aRepositoryIsNotBegunTwice() {
        assertCode(
                () ->
                        new NewRepository(
                                        folder.resolve("repo"),
                                        folder.resolve("other"),
                                        folder.resolve("other-online"),
                                        1,
                                        1)
                                .create(clock()),
                "RBL-TUF-PUBLISHED");
        assertThat(folder.resolve("other")).doesNotExist();
        assertCode(() -> new NewRepository(folder, folder, folder, 2, 3), "RBL-USAGE");
    }
}
