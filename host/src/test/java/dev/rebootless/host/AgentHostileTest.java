package dev.rebootless.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.release.DesiredState;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whoever has taken over the network side, the server or what lies between may withhold, and no
 * more: the side with rights does what was signed, or nothing.
 */
class AgentHostileTest {
    private static final Manifest FIX = AgentRig.livepatch("fix", true, "do_open");
    private static final Manifest OTHER = AgentRig.livepatch("other", true, "do_open", "do_read");

    @TempDir Path folder;
    private AgentRig rig;

    @BeforeEach
    void makeRig() throws Exception {
        rig = new AgentRig(folder);
        rig.enrol();
    }

    @AfterEach
    void close() {
        rig.close();
    }

    private Path agent(String name) {
        return rig.host.path(AgentRig.AGENT + "/" + name);
    }

    private void report() {
        assertThat(rig.agent("report")).isEqualTo(ExitStatus.DONE);
    }

    private void forge(String action, String livepatch, String sha256) throws IOException {
        Files.writeString(
                agent("order.json"),
                """
                {"schemaVersion":1,"id":"%s","ring":"canary","action":"%s","livepatch":"%s",\
                "sha256":"%s","buildId":"%s","until":"2027-01-01T00:00:00Z"}
                """
                        .formatted(
                                UUID.randomUUID(), action, livepatch, sha256, Manifests.BUILD_ID));
    }

    /** Apply must refuse, and the kernel must be as it was. */
    private Problem refuses() {
        List<String> before = rig.loaded();
        Problem problem = rig.fails(ExitStatus.REFUSED, "apply");
        assertThat(rig.loaded()).isEqualTo(before);
        return problem;
    }

    private DesiredState.Load loadedFix() throws IOException {
        DesiredState.Load load = rig.wantLoaded(FIX);
        rig.service();
        assertThat(rig.loaded()).containsExactly("livepatch_fix");
        return load;
    }

    @Test
    void anOrderToLoadWhatNoStateWantsIsRefused() throws IOException {
        DesiredState.Load released = rig.release(OTHER);
        rig.wantLoaded(FIX);
        rig.fleet.wait = Optional.of("RBL-FLEET-WAIT");
        report();
        forge("load", released.name(), released.sha256());
        assertThat(refuses().code()).isEqualTo("RBL-AGENT-ORDER");
    }

    @ParameterizedTest
    @ValueSource(strings = {"unload", "reverse"})
    void anOrderToTakeOutWhatTheStateKeepsIsRefused(String action) throws IOException {
        DesiredState.Load load = loadedFix();
        report();
        forge(action, load.name(), load.sha256());
        assertThat(refuses().code()).isEqualTo("RBL-AGENT-ORDER");
    }

    @Test
    void anOrderThatWasExchangedAfterItWasBegunIsRefused() throws IOException {
        DesiredState.Load load = loadedFix();
        Path order = agent("order.json");
        rig.want(
                Optional.empty(),
                List.of(new DesiredState.Unload(load.name(), load.sha256())),
                List.of());
        report();
        String id =
                Files.readString(order).replaceAll(".*\"id\":\"([0-9a-f-]{36})\".*", "$1").strip();
        // What root wrote down before it was killed, of another step of the same order.
        rig.host.put(
                AgentRig.APPLY + "/begun.json",
                "{\"schemaVersion\":1,\"order\":\"%s\",\"bootId\":\"%s\",\"action\":\"load\",\"livepatch\":\"livepatch_other\",\"sha256\":\"%s\"}"
                        .formatted(id, AgentRig.BOOT, "ab".repeat(32)));
        assertThat(refuses().code()).isEqualTo("RBL-AGENT-ORDER");
    }

    @Test
    void anOldOrderThatIsBroughtBackIsHeldAgainstTheStateOfNow() throws IOException {
        DesiredState.Load load = loadedFix();
        rig.want(
                Optional.empty(),
                List.of(new DesiredState.Unload(load.name(), load.sha256())),
                List.of());
        report();
        byte[] old = Files.readAllBytes(agent("order.json"));
        // It was begun, and root was killed before it came to an outcome.
        String id =
                new String(old, StandardCharsets.UTF_8)
                        .replaceAll("(?s).*\"id\":\"([0-9a-f-]{36})\".*", "$1");
        rig.host.put(
                AgentRig.APPLY + "/begun.json",
                "{\"schemaVersion\":1,\"order\":\"%s\",\"bootId\":\"%s\",\"action\":\"unload\",\"livepatch\":\"%s\",\"sha256\":\"%s\"}"
                        .formatted(id, AgentRig.BOOT, load.name(), load.sha256()));
        // The state keeps it again; another order comes in between.
        rig.want(Optional.of(load), List.of(), List.of());
        Files.delete(agent("order.json"));
        report();
        forge("load", "livepatch_other", "ab".repeat(32));
        assertThat(refuses().code()).isEqualTo("RBL-AGENT-ORDER");
        Files.write(agent("order.json"), old);
        assertThat(refuses().code()).isEqualTo("RBL-AGENT-ORDER");
        assertThat(rig.loaded()).containsExactly("livepatch_fix");
    }

    @Test
    void damageToWhatTheNetworkSideOnlyRemembersHeals() throws IOException {
        report();
        Files.writeString(agent("key.json"), "{");
        Files.writeString(agent("standing.json"), "[]");
        rig.fleet.asked();
        report();
        assertThat(rig.fleet.asked()).containsExactly("/agent/v1/key", "facts");
    }

    @Test
    void damageToTheNumberOfMessagesIsNoNewBeginning() throws IOException {
        Files.writeString(agent("sequence"), "seven\n");
        assertThat(rig.fails(ExitStatus.ENVIRONMENT, "report").code()).isEqualTo("RBL-AGENT-STORE");
        Files.delete(agent("sequence"));
        assertThat(rig.fails(ExitStatus.ENVIRONMENT, "report").code()).isEqualTo("RBL-AGENT-STORE");
    }

    @Test
    void anOrderForAnotherKernelIsRefused() throws IOException {
        rig.wantLoaded(FIX);
        report();
        Path order = agent("order.json");
        Files.writeString(
                order, Files.readString(order).replace(Manifests.BUILD_ID, "ff".repeat(20)));
        assertThat(refuses().code()).isEqualTo("RBL-AGENT-ORDER");
    }

    @Test
    void linksPipesAndFoldersInAnOrdersPlaceAreNotRead() throws Exception {
        Path secret = Files.writeString(folder.resolve("secret"), "root:$6$secret:1:::\n");
        Files.createSymbolicLink(agent("order.json"), secret);
        Problem link = refuses();
        assertThat(link.code()).isEqualTo("RBL-AGENT-FOREIGN-FILE");
        assertThat(link.text()).doesNotContain("secret:1");
        Files.delete(agent("order.json"));

        Files.createDirectory(agent("order.json"));
        assertThat(refuses().code()).isEqualTo("RBL-AGENT-FOREIGN-FILE");
        Files.delete(agent("order.json"));
    }

    @Test
    @Timeout(60)
    void aPipeIsNotWaitedFor() throws Exception {
        assertThat(new ProcessBuilder("mkfifo", agent("order.json").toString()).start().waitFor())
                .isZero();
        assertThat(refuses().code()).isEqualTo("RBL-AGENT-FOREIGN-FILE");
    }

    @Test
    void whatIsNoOrderIsNotRepeatedInTheMessage() throws IOException {
        Files.writeString(agent("order.json"), "root:$6$secret:1:::\n");
        Problem problem = refuses();
        assertThat(problem.code()).isEqualTo("RBL-AGENT-ORDER");
        assertThat(problem.text()).doesNotContain("secret");
    }

    @Test
    void aLinkOnTheWayToARepositorysFileIsNotFollowed() throws IOException {
        rig.wantLoaded(FIX);
        report();
        Path elsewhere = folder.resolve("elsewhere");
        Files.move(agent("repository"), elsewhere);
        Files.createSymbolicLink(agent("repository"), elsewhere);
        assertThat(refuses().code()).isEqualTo("RBL-AGENT-FOREIGN-FILE");
        assertThat(rig.kernel.inserted).isEmpty();
    }

    @Test
    void aLinkInTheRepositoryIsNotFollowed() throws IOException {
        rig.wantLoaded(FIX);
        report();
        Path elsewhere = folder.resolve("elsewhere");
        Files.move(agent("repository/targets"), elsewhere);
        Files.createSymbolicLink(agent("repository/targets"), elsewhere);
        assertThat(refuses().code()).isEqualTo("RBL-AGENT-FOREIGN-FILE");
        assertThat(rig.kernel.inserted).isEmpty();
    }

    private Path mirrored(String end) throws IOException {
        try (Stream<Path> all = Files.walk(agent("repository"))) {
            return all.filter(f -> f.toString().endsWith(end)).findFirst().orElseThrow();
        }
    }

    @Test
    void otherBytesOfAModuleAreNotLoaded() throws IOException {
        rig.wantLoaded(FIX);
        report();
        Path module = mirrored(".livepatch.ko");
        byte[] bytes = Files.readAllBytes(module);
        bytes[bytes.length - 1] ^= 1;
        Files.write(module, bytes);
        assertThat(refuses().code()).isEqualTo("RBL-TUF-HASH");
        assertThat(rig.kernel.inserted).isEmpty();
    }

    @Test
    void anEndlessModuleIsNotRead() throws IOException {
        rig.wantLoaded(FIX);
        report();
        try (var file = new java.io.RandomAccessFile(mirrored(".livepatch.ko").toFile(), "rw")) {
            file.setLength(1L << 40);
        }
        assertThat(refuses().code()).isEqualTo("RBL-TUF-TOO-LONG");
    }

    @Test
    void anOlderPublicationIsNotBelieved() throws IOException {
        DesiredState.Load bad = loadedFix();
        Path older = folder.resolve("older");
        copy(agent("repository"), older);
        rig.want(
                Optional.empty(),
                List.of(new DesiredState.Unload(bad.name(), bad.sha256())),
                List.of());
        rig.service();
        assertThat(rig.loaded()).isEmpty();
        // The network side brings back what the release role has withdrawn.
        AtomicFiles.removeTree(agent("repository"));
        copy(older, agent("repository"));
        forge("load", bad.name(), bad.sha256());
        assertThat(refuses().code()).isEqualTo("RBL-TUF-ROLLBACK");
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path each : all.toList()) {
                Files.copy(
                        each,
                        to.resolve(from.relativize(each).toString()),
                        StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    @Test
    void aPublicationThatHasExpiredIsNotBelieved() throws IOException {
        rig.wantLoaded(FIX);
        report();
        rig.later(Duration.ofDays(2));
        assertThat(refuses().code()).isEqualTo("RBL-TUF-EXPIRED");
    }

    @Test
    void aCapturedServerCannotHaveAnythingTakenOut() throws IOException {
        DesiredState.Load load = loadedFix();
        rig.fleet.reverse = Optional.of(load.sha256());
        rig.fleet.attempts.clear();
        rig.service();
        assertThat(rig.fleet.attempts).isEmpty();
        assertThat(rig.loaded()).containsExactly("livepatch_fix");
    }

    @Test
    void aStateOfAnotherNameThanTheModulesIsRefused() throws IOException {
        DesiredState.Load load = rig.release(FIX);
        rig.want(
                Optional.of(
                        new DesiredState.Load(
                                "livepatch_else", load.path(), load.sha256(), List.of())),
                List.of(),
                List.of());
        report();
        assertThat(refuses().code()).isEqualTo("RBL-AGENT-STATE");
    }

    @Test
    void aStateThatNamesWhatIsNotReleasedIsRefusedBeforeAnythingIsAsked() throws IOException {
        DesiredState.Load load = rig.release(FIX);
        rig.want(
                Optional.of(
                        new DesiredState.Load(
                                load.name(),
                                "releases/none/livepatch.ko",
                                load.sha256(),
                                List.of())),
                List.of(),
                List.of());
        assertThat(rig.fails(ExitStatus.REFUSED, "report").code()).isEqualTo("RBL-AGENT-STATE");
        assertThat(rig.fleet.attempts).isEmpty();
    }

    @Test
    void aTrustedFolderThatOthersMayWriteToIsNotTrusted() throws IOException {
        rig.wantLoaded(FIX);
        report();
        Files.setPosixFilePermissions(
                rig.host.path("/var/lib/rebootless/trusted"),
                java.nio.file.attribute.PosixFilePermissions.fromString("rwxrwxrwx"));
        assertThat(rig.fails(ExitStatus.ENVIRONMENT, "apply").code()).isEqualTo("RBL-AGENT-USER");
        assertThat(rig.kernel.inserted).isEmpty();
    }

    @Test
    void anyDamageToWhatTheNetworkSideLeavesGivesOneClearErrorAndTouchesNothing() throws Exception {
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        rig.wantLoaded(FIX);
        report();
        Path good = folder.resolve("good");
        copy(rig.host.path(AgentRig.AGENT), good);
        List<Path> files;
        try (Stream<Path> all = Files.walk(agent("repository"))) {
            files =
                    Stream.concat(all.filter(Files::isRegularFile), Stream.of(agent("order.json")))
                            .toList();
        }
        int refused = 0;
        for (int i = 0; i < 60 && rig.kernel.inserted.isEmpty(); i++) {
            Path file = files.get(random.nextInt(files.size()));
            byte[] bytes = Files.readAllBytes(file);
            for (int n = 0; n <= random.nextInt(4); n++) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            }
            Files.write(
                    file,
                    random.nextInt(4) == 0
                            ? java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length))
                            : bytes);
            try {
                ExitStatus status = rig.agent("apply");
                // The damage left the bytes as they were, or changed the order's time alone.
                assertThat(status).isIn(ExitStatus.DONE, ExitStatus.UNCHANGED);
            } catch (RebootlessException e) {
                refused++;
                assertThat(e.problems().getFirst().code()).startsWith("RBL-");
                assertThat(e.status()).isNotEqualTo(ExitStatus.INTERNAL);
            }
            AtomicFiles.removeTree(rig.host.path(AgentRig.AGENT));
            copy(good, rig.host.path(AgentRig.AGENT));
            // Each outcome is of this order; the next try is of it again.
            Files.deleteIfExists(rig.host.path(AgentRig.APPLY + "/outcome.json"));
        }
        assertThat(refused).isGreaterThan(0);
        // Undamaged it is done, and nothing else ever was.
        ExitStatus _ = rig.apply();
        assertThat(rig.kernel.inserted).containsOnly("livepatch_fix");
    }
}
