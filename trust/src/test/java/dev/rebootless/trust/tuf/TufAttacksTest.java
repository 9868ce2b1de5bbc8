package dev.rebootless.trust.tuf;

import static dev.rebootless.trust.tuf.TestRepository.MODULE;
import static dev.rebootless.trust.tuf.TestRepository.NOW;
import static dev.rebootless.trust.tuf.TestRepository.STATE;
import static dev.rebootless.trust.tuf.TestRepository.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The attacks of the specification's section 1.5.2, each tried with what an attacker of that kind
 * holds, against a host that has been served before.
 */
class TufAttacksTest {
    private static final long MOST = 1 << 20;

    @TempDir private Path folder;
    private TestRepository repository;
    private Path trusted;

    @BeforeEach
    void aHostThatWasServedOnce() {
        repository = new TestRepository(folder.resolve("repository"));
        trusted = folder.resolve("trusted");
        repository.publishRoot();
        repository.publish();
        TufClient.trust(trusted, repository.signedRoot(repository.root.subList(0, 2)).bytes());
        assertThat(target(MODULE)).contains("module 1");
        assertThat(target(STATE)).contains("load fix 1");
    }

    private TufClient client(Instant now) {
        return new TufClient(
                trusted, RepositoryReader.of(repository.folder), Clock.fixed(now, ZoneOffset.UTC));
    }

    private Optional<String> target(String path) {
        return client(NOW).target(path, MOST).map(String::new);
    }

    private TufFault.Attack refused() {
        return refused(STATE, NOW);
    }

    /** The host keeps what it trusts, whatever it is served. */
    private TufFault.Attack refused(String path, Instant now) {
        TufFault fault = catchThrowableOfType(TufFault.class, () -> client(now).target(path, MOST));
        assertThat(fault).as("served without complaint").isNotNull();
        assertThat(fault.problems()).allSatisfy(p -> assertThat(p.remedy()).isNotBlank());
        return fault.attack();
    }

    private Map<Path, byte[]> served() throws IOException {
        Map<Path, byte[]> files = new HashMap<>();
        try (Stream<Path> walk = Files.walk(repository.folder)) {
            for (Path file : walk.filter(Files::isRegularFile).toList()) {
                files.put(file, Files.readAllBytes(file));
            }
        }
        return files;
    }

    private static void serve(Map<Path, byte[]> files) throws IOException {
        for (Map.Entry<Path, byte[]> file : files.entrySet()) {
            Files.write(file.getKey(), file.getValue());
        }
    }

    private void newStateIsPublished(String content) {
        repository.next();
        repository.wanted.put(STATE, repository.files.addTarget(STATE, bytes(content)));
        repository.publish();
    }

    // ---- what must work ----

    @Test
    void aNewPublicationReachesTheHost() {
        newStateIsPublished("load fix 2");
        assertThat(target(STATE)).contains("load fix 2");
    }

    @Test
    void aPathOfWhichNobodySpeaksIsNoTarget() {
        assertThat(target("modules/other.ko")).isEmpty();
        assertThat(target("state/0123abcd/all.json")).isEmpty();
    }

    @Test
    void aRootThatFollowsAnotherIsBelievedAndTheKeysThatItLeavesOutAreNot() {
        repository.rootVersion = 2;
        Signer old = repository.timestamp;
        repository.timestamp = Signer.generated();
        List<Signer> before = repository.root;
        repository.root = List.of(before.get(0), before.get(1), Signer.generated());
        repository.publishRoot();
        newStateIsPublished("load fix 2");
        assertThat(target(STATE)).contains("load fix 2");

        Signer now = repository.timestamp;
        repository.timestamp = old;
        newStateIsPublished("load fix 3");
        assertThat(refused()).isEqualTo(TufFault.Attack.ARBITRARY_SOFTWARE);
        repository.timestamp = now;
        repository.publish();
        assertThat(target(STATE)).contains("load fix 3");
    }

    // ---- arbitrary software ----

    @Test
    void arbitrarySoftwareAModuleWhoseBytesWereChangedIsRefused() throws IOException {
        for (Map.Entry<Path, byte[]> file : served().entrySet()) {
            if (file.getKey().toString().endsWith(".ko")) {
                Files.write(file.getKey(), bytes("module X"));
            }
        }
        assertThat(refused(MODULE, NOW)).isEqualTo(TufFault.Attack.WRONG_CONTENT);
    }

    @Test
    void arbitrarySoftwareACapturedServerCannotAddAModule() {
        // It has the keys of snapshot and timestamp, and one of the release keys.
        repository.next();
        repository.released.put(MODULE, repository.files.addTarget(MODULE, bytes("module X")));
        SignedMetadata theirs =
                SignedMetadata.of(
                        repository.targetsMetadata(), List.of(repository.targets.getFirst()));
        SignedMetadata state =
                SignedMetadata.of(repository.stateMetadata(), repository.state.subList(0, 2));
        repository.publish(theirs, state);
        assertThat(refused(MODULE, NOW)).isEqualTo(TufFault.Attack.ARBITRARY_SOFTWARE);
    }

    @Test
    void arbitrarySoftwareACapturedServerCannotTellAHostToUnload() {
        repository.next();
        repository.wanted.put(STATE, repository.files.addTarget(STATE, bytes("unload all")));
        repository.publish(
                SignedMetadata.of(repository.targetsMetadata(), repository.targets),
                SignedMetadata.of(
                        repository.stateMetadata(),
                        List.of(repository.snapshot, repository.timestamp)));
        assertThat(refused()).isEqualTo(TufFault.Attack.ARBITRARY_SOFTWARE);
        // Nor by leaving it out: what is wanted then is not known, and stays as it is.
        SortedMap<String, Metadata.Snapshot.Listed> meta = new TreeMap<>();
        meta.put(
                "targets",
                repository.publishTargets(
                        "targets",
                        SignedMetadata.of(repository.targetsMetadata(), repository.targets)));
        repository.next();
        repository.publish(meta);
        assertThat(refused()).isEqualTo(TufFault.Attack.ROLLBACK);
    }

    @Test
    void arbitrarySoftwareOneKeyCountsOnceHoweverOftenItSigns() {
        repository.next();
        Signer one = repository.state.getFirst();
        repository.publish(
                SignedMetadata.of(repository.targetsMetadata(), repository.targets),
                SignedMetadata.of(repository.stateMetadata(), List.of(one, one))
                        .with(List.of(one)));
        assertThat(refused()).isEqualTo(TufFault.Attack.ARBITRARY_SOFTWARE);
    }

    @Test
    void arbitrarySoftwareASignatureOfOtherBytesIsNone() {
        repository.next();
        Metadata.Targets signed = repository.stateMetadata();
        repository.wanted.put(STATE, repository.files.addTarget(STATE, bytes("load fix X")));
        SignedMetadata pasted =
                new SignedMetadata(
                        repository.stateMetadata(),
                        SignedMetadata.of(signed, repository.state).signatures());
        repository.publish(
                SignedMetadata.of(repository.targetsMetadata(), repository.targets), pasted);
        assertThat(refused()).isEqualTo(TufFault.Attack.ARBITRARY_SOFTWARE);
    }

    @Test
    void arbitrarySoftwareARoleSignsOnlyForThePathsThatAreLeftToIt() {
        repository.next();
        repository.wanted.put(
                "modules/more.ko",
                repository.files.addTarget("modules/more.ko", bytes("module of the state role")));
        repository.publish();
        assertThat(target("modules/more.ko")).isEmpty();
        // And what the release role lists is not overruled.
        repository.next();
        repository.wanted.put(MODULE, repository.files.addTarget(MODULE, bytes("module X")));
        repository.leftToState = List.of("state/*/*.json", "modules/*.ko");
        repository.publish();
        assertThat(target(MODULE)).contains("module 1");
    }

    // ---- rollback ----

    @Test
    void rollbackAnOlderPublicationIsRefused() throws IOException {
        Map<Path, byte[]> old = served();
        newStateIsPublished("load fix 2");
        assertThat(target(STATE)).contains("load fix 2");
        serve(old);
        assertThat(refused()).isEqualTo(TufFault.Attack.ROLLBACK);
    }

    @Test
    void rollbackACapturedServerCannotListOlderMetadataAsTheNewest() {
        newStateIsPublished("load fix 2");
        assertThat(target(STATE)).contains("load fix 2");
        repository.publishTheFirstStateAsTheNewest();
        assertThat(refused()).isEqualTo(TufFault.Attack.ROLLBACK);
    }

    @Test
    void rollbackAnOlderSnapshotUnderANewTimestampIsRefused() throws IOException {
        newStateIsPublished("load fix 2");
        assertThat(target(STATE)).contains("load fix 2");
        repository.timestampVersion++;
        byte[] first = Files.readAllBytes(repository.folder.resolve("metadata/1.snapshot.json"));
        repository.publishTimestamp(new Metadata.Snapshot.Listed(1, FileFacts.of(first)));
        assertThat(refused()).isEqualTo(TufFault.Attack.ROLLBACK);
    }

    @Test
    void rollbackARootOfAnotherVersionThanTheNextIsRefused() throws IOException {
        repository.rootVersion = 3;
        Files.write(
                repository.folder.resolve("metadata/2.root.json"),
                repository.signedRoot(repository.root).bytes());
        assertThat(refused()).isEqualTo(TufFault.Attack.ROLLBACK);
    }

    // ---- freeze ----

    @ParameterizedTest
    @ValueSource(strings = {"root", "timestamp", "snapshot", "targets", "state"})
    void freezeMetadataThatHaveExpiredAreRefused(String role) {
        Instant past = NOW.minusSeconds(1);
        repository.next();
        switch (role) {
            case "root" -> {
                repository.rootVersion = 2;
                repository.rootEnd = past;
                repository.publishRoot();
            }
            case "timestamp" -> repository.timestampEnd = past;
            case "snapshot" -> repository.snapshotEnd = past;
            case "targets" -> repository.targetsEnd = past;
            default -> repository.stateEnd = past;
        }
        repository.publish();
        assertThat(refused()).isEqualTo(TufFault.Attack.FREEZE);
    }

    @Test
    void freezeAServerThatServesTheSameForEverIsNoticedWithinADay() {
        assertThat(refused(STATE, NOW.plus(Duration.ofDays(1)))).isEqualTo(TufFault.Attack.FREEZE);
    }

    // ---- mix and match ----

    @Test
    void mixAndMatchMetadataThatWereNotPublishedTogetherAreRefused() throws IOException {
        Map<Path, byte[]> first = served();
        newStateIsPublished("load fix 2");
        Path second = repository.folder.resolve("metadata/2.state.json");
        Files.write(second, first.get(repository.folder.resolve("metadata/1.state.json")));
        assertThat(refused()).isEqualTo(TufFault.Attack.WRONG_CONTENT);
    }

    @Test
    void mixAndMatchACapturedServerCannotGiveAnotherVersionsNameToMetadata() throws IOException {
        newStateIsPublished("load fix 2");
        byte[] old = Files.readAllBytes(repository.folder.resolve("metadata/1.state.json"));
        Files.write(repository.folder.resolve("metadata/3.state.json"), old);
        byte[] targets = Files.readAllBytes(repository.folder.resolve("metadata/2.targets.json"));
        SortedMap<String, Metadata.Snapshot.Listed> meta = new TreeMap<>();
        meta.put("targets", new Metadata.Snapshot.Listed(2, FileFacts.of(targets)));
        meta.put("state", new Metadata.Snapshot.Listed(3, FileFacts.of(old)));
        repository.next();
        repository.publish(meta);
        assertThat(refused()).isEqualTo(TufFault.Attack.MIX_AND_MATCH);
    }

    // ---- endless data ----

    @Test
    void endlessDataMoreThanWasSignedIsNotRead() throws IOException {
        Path timestamp = repository.folder.resolve("metadata/timestamp.json");
        byte[] good = Files.readAllBytes(timestamp);
        Files.write(timestamp, new byte[17 << 10]);
        assertThat(refused()).isEqualTo(TufFault.Attack.ENDLESS_DATA);
        Files.write(timestamp, good);
        for (Path file : served().keySet()) {
            if (file.toString().endsWith(".ko")) {
                Files.write(file, new byte[1 << 20]);
            }
        }
        assertThat(refused(MODULE, NOW)).isEqualTo(TufFault.Attack.ENDLESS_DATA);
    }

    @Test
    void endlessDataATargetOfMoreThanTheHostCanTakeIsNotFetched() {
        TufFault fault = catchThrowableOfType(TufFault.class, () -> client(NOW).target(MODULE, 3));
        assertThat(fault.attack()).isEqualTo(TufFault.Attack.ENDLESS_DATA);
    }

    // ---- key compromise ----

    @Test
    void keyCompromiseARootSignedByNewKeysAloneIsRefused() {
        List<Signer> old = repository.root;
        repository.rootVersion = 2;
        repository.root = TestRepository.three();
        repository.publishRoot();
        assertThat(refused()).isEqualTo(TufFault.Attack.ARBITRARY_SOFTWARE);
        // Nor by those alone who go: whoever comes has to hold the keys.
        repository.publishRoot(repository.signedRoot(old));
        assertThat(refused()).isEqualTo(TufFault.Attack.ARBITRARY_SOFTWARE);
        repository.publishRoot(repository.signedRoot(old).with(repository.root));
        assertThat(target(STATE)).contains("load fix 1");
    }

    @Test
    void keyCompromiseOneRootKeyIsNotEnough() {
        repository.rootVersion = 2;
        repository.publishRoot(repository.signedRoot(repository.root.subList(0, 1)));
        assertThat(refused()).isEqualTo(TufFault.Attack.ARBITRARY_SOFTWARE);
    }

    @Test
    void keyCompromiseReleaseKeysThatWereReplacedSignNothingMore() {
        repository.rootVersion = 2;
        List<Signer> lost = repository.targets;
        repository.targets = TestRepository.three();
        repository.publishRoot();
        repository.next();
        repository.publish();
        assertThat(target(STATE)).contains("load fix 1");
        repository.targets = lost;
        repository.next();
        repository.publish();
        assertThat(refused()).isEqualTo(TufFault.Attack.ARBITRARY_SOFTWARE);
    }

    @Test
    void keyCompromiseVersionsFarAheadAreForgottenWithTheKeysThatSignedThem() {
        // Whoever held the server's keys made all later versions look older.
        repository.timestampVersion = Integer.MAX_VALUE;
        repository.snapshotVersion = Integer.MAX_VALUE;
        repository.publish();
        assertThat(target(STATE)).contains("load fix 1");

        repository.timestampVersion = 2;
        repository.snapshotVersion = 2;
        repository.publish();
        assertThat(refused()).isEqualTo(TufFault.Attack.ROLLBACK);

        repository.replaceServersKeys();
        repository.publishRoot();
        repository.publish();
        assertThat(target(STATE)).contains("load fix 1");
    }

    /** Whoever is on the network keeps the host from finishing the update that brings new keys. */
    @Test
    void keyCompromiseVersionsFarAheadAreForgottenAlsoWhenTheUpdateIsInterrupted()
            throws IOException {
        repository.timestampVersion = Integer.MAX_VALUE;
        repository.snapshotVersion = Integer.MAX_VALUE;
        repository.publish();
        assertThat(target(STATE)).contains("load fix 1");

        repository.replaceServersKeys();
        repository.timestampVersion = 2;
        repository.snapshotVersion = 2;
        repository.publishRoot();
        repository.publish();
        Path next = repository.folder.resolve("metadata/3.root.json");
        Files.write(next, bytes("{}"));
        assertThat(refused()).isEqualTo(TufFault.Attack.MALFORMED);
        Files.delete(next);
        assertThat(target(STATE)).contains("load fix 1");
    }

    /** The server's keys are replaced; what release and state roles said stays known. */
    @Test
    void rollbackOfARoleIsRefusedAlsoAfterTheServersKeysWereReplaced() {
        newStateIsPublished("load fix 2");
        assertThat(target(STATE)).contains("load fix 2");
        repository.replaceServersKeys();
        repository.publishRoot();
        repository.publishTheFirstStateAsTheNewest();
        assertThat(refused()).isEqualTo(TufFault.Attack.ROLLBACK);
    }

    @Test
    void mixAndMatchOneRolesMetadataDoNotPassForAnothersWithTheSameKeys() throws IOException {
        repository.state = repository.targets;
        repository.next();
        repository.publish();
        assertThat(target(STATE)).contains("load fix 1");
        // The state is signed more often; a captured server gives it out as the targets.
        repository.next();
        byte[] state = SignedMetadata.of(repository.stateMetadata(), repository.targets).bytes();
        Path asTargets = repository.folder.resolve("metadata/3.targets.json");
        Files.write(asTargets, state);
        SortedMap<String, Metadata.Snapshot.Listed> meta = new TreeMap<>();
        meta.put("targets", new Metadata.Snapshot.Listed(3, FileFacts.of(state)));
        meta.put("state", new Metadata.Snapshot.Listed(3, FileFacts.of(state)));
        Files.write(repository.folder.resolve("metadata/3.state.json"), state);
        repository.publish(meta);
        assertThat(refused()).isEqualTo(TufFault.Attack.MIX_AND_MATCH);
    }

    @Test
    void mixAndMatchAllThatOneUpdateGetsIsOfOnePublication() {
        List<Optional<String>> got =
                client(NOW)
                        .with(session -> {
                            Optional<String> module = session.target(MODULE, MOST).map(String::new);
                            repository.released.put(
                                    MODULE, repository.files.addTarget(MODULE, bytes("module 2")));
                            newStateIsPublished("load fix 2");
                            return List.of(
                                    module,
                                    session.target(STATE, MOST).map(String::new),
                                    session.target(MODULE, MOST).map(String::new));
                        });
        assertThat(got)
                .containsExactly(
                        Optional.of("module 1"),
                        Optional.of("load fix 1"),
                        Optional.of("module 1"));
        assertThat(target(MODULE)).contains("module 2");
    }

    @Test
    void endlessDataALengthWithoutEndIsNotBelievedFromWhoeverSignsIt() {
        repository.next();
        repository.publishTimestamp(
                new Metadata.Snapshot.Listed(2, new FileFacts(1L << 40, "0".repeat(64))));
        assertThat(refused()).isEqualTo(TufFault.Attack.ENDLESS_DATA);
    }

    @Test
    void keyCompromiseAnOlderRootIsNotTrustedAgain() {
        repository.rootVersion = 2;
        repository.publishRoot();
        assertThat(target(STATE)).contains("load fix 1");
        repository.rootVersion = 1;
        byte[] first = repository.signedRoot(repository.root.subList(0, 2)).bytes();
        RebootlessException e =
                catchThrowableOfType(
                        RebootlessException.class, () -> TufClient.trust(trusted, first));
        assertThat(e.problems().getFirst().code()).isEqualTo("RBL-TUF-TRUSTED");
    }

    /** With the neutral element as its key, a role would be anybody's. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "0100000000000000000000000000000000000000000000000000000000000000",
                "0100000000000000000000000000000000000000000000000000000000000080",
                "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"
            })
    void arbitrarySoftwareAKeyThatAnybodyCanSignForIsNone(String raw) {
        TufFault fault = catchThrowableOfType(TufFault.class, () -> new PublicKey(raw));
        assertThat(fault.attack()).isEqualTo(TufFault.Attack.MALFORMED);
    }

    // ---- what is no attack, and must not look like "nothing new" ----

    @Test
    void aRootThatCannotBeReadIsNotTakenForNone() throws IOException {
        Files.createSymbolicLink(
                repository.folder.resolve("metadata/2.root.json"), Path.of("/nowhere"));
        RebootlessException e =
                catchThrowableOfType(
                        RebootlessException.class, () -> client(NOW).target(STATE, MOST));
        assertThat(e.problems().getFirst().code()).isEqualTo("RBL-TUF-READ");
    }

    @Test
    void aDamagedFolderIsSaidToBeAndNotTheRepository() throws IOException {
        Files.write(trusted.resolve("snapshot.json"), bytes("{"));
        RebootlessException e =
                catchThrowableOfType(
                        RebootlessException.class, () -> client(NOW).target(STATE, MOST));
        assertThat(e.problems().getFirst().code()).isEqualTo("RBL-TUF-STORE");
    }

    @Test
    void aVersionIsPublishedOnce() {
        repository.stateEnd = NOW.plus(Duration.ofDays(15));
        SignedMetadata other = SignedMetadata.of(repository.stateMetadata(), repository.state);
        RebootlessException e =
                catchThrowableOfType(
                        RebootlessException.class,
                        () -> repository.files.publishTargets("state", other));
        assertThat(e.problems().getFirst().code()).isEqualTo("RBL-TUF-PUBLISHED");
    }

    @Test
    void anotherSpellingOfWhatWasSignedIsRefused() throws IOException {
        Path file = repository.folder.resolve("metadata/timestamp.json");
        Files.writeString(file, Files.readString(file).replace("{\"signatures", "{ \"signatures"));
        assertThat(refused()).isEqualTo(TufFault.Attack.MALFORMED);
    }

    // ---- what is no metadata at all ----

    @Test
    void aHostThatTrustsNoRootYetBelievesNothing() {
        TufClient client =
                new TufClient(
                        folder.resolve("empty"),
                        RepositoryReader.of(repository.folder),
                        Clock.fixed(NOW, ZoneOffset.UTC));
        TufFault fault = catchThrowableOfType(TufFault.class, () -> client.target(MODULE, MOST));
        assertThat(fault.attack()).isEqualTo(TufFault.Attack.MISSING);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../state.json",
                "/etc/passwd",
                "a//b",
                "a/./b",
                "a/../b",
                "",
                ".hidden",
                "a\\b",
                "a b",
                "a/b\n"
            })
    void aPathThatLeavesTheRepositoryIsNoTarget(String path) {
        TufFault fault = catchThrowableOfType(TufFault.class, () -> target(path));
        assertThat(fault.attack()).isEqualTo(TufFault.Attack.MALFORMED);
    }

    /**
     * Whatever is served, the host says what is wrong with it, and goes on trusting what it did.
     */
    @Test
    void mutatedMetadataAreRefusedAndNothingElseHappens() throws IOException {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        List<Map.Entry<Path, byte[]>> metadata = new ArrayList<>();
        for (Map.Entry<Path, byte[]> file : served().entrySet()) {
            String path = file.getKey().toString();
            if (path.contains("/metadata/") && !path.contains("root")) {
                metadata.add(file);
            }
        }
        metadata.sort(Map.Entry.comparingByKey());
        int unnoticed = 0;
        for (int i = 0; i < 3_000; i++) {
            Map.Entry<Path, byte[]> good = metadata.get(random.nextInt(metadata.size()));
            Files.write(good.getKey(), mutated(good.getValue(), random));
            try {
                // A change of white space, or of a signature that is not needed, changes nothing.
                assertThat(target(STATE)).contains("load fix 1");
                unnoticed++;
            } catch (RebootlessException e) {
                assertThat(e).isInstanceOf(TufFault.class);
            }
            Files.write(good.getKey(), good.getValue());
        }
        assertThat(unnoticed).isLessThan(300);
        assertThat(target(STATE)).contains("load fix 1");
    }

    private static byte[] mutated(byte[] good, Random random) {
        byte[] bytes = good.clone();
        switch (random.nextInt(4)) {
            case 0 -> bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            case 1 -> bytes = java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length));
            case 2 -> {
                int from = random.nextInt(bytes.length);
                int length = random.nextInt(Math.min(40, bytes.length - from));
                System.arraycopy(good, random.nextInt(bytes.length - length), bytes, from, length);
            }
            default ->
                    bytes[random.nextInt(bytes.length)] =
                            "{}[]\",:0-"
                                    .getBytes(java.nio.charset.StandardCharsets.US_ASCII)[
                                    random.nextInt(9)];
        }
        return bytes;
    }
}
