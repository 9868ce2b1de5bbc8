package dev.rebootless.trust.tuf;

import static dev.rebootless.trust.tuf.TestRepository.STATE;
import static dev.rebootless.trust.tuf.TestRepository.bytes;
import static java.util.Collections.nCopies;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** In whose hands the folder is: one at a time, and nobody but the user. */
class TrustedFolderTest {
    /** The user and group "nobody" of Debian. */
    private static final int SOMEBODY_ELSE = 65_534;

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

    // ---- one at a time ----

    private RebootlessException notOpened(Path path) throws Exception {
        try (ExecutorService other = Executors.newSingleThreadExecutor()) {
            return other.submit(() ->
                            catchThrowableOfType(
                                    RebootlessException.class,
                                    () -> TrustedFolder.open(path, Duration.ofMillis(200))))
                    .get();
        }
    }

    @Test
    void aFolderThatAnotherThreadHasIsSaidToBeBusyAndIsFreeAfterwards() throws Exception {
        try (TrustedFolder _ = TrustedFolder.open(host.trusted())) {
            RebootlessException e = notOpened(host.trusted());
            assertThat(e.status()).isEqualTo(ExitStatus.ENVIRONMENT);
            assertThat(e.problems().getFirst().code()).isEqualTo("RBL-TUF-BUSY");
            assertThat(e.problems().getFirst().place()).isEqualTo(host.trusted().toString());
            assertThat(e.problems().getFirst().remedy()).contains("lock");
        }
        assertThat(host.target(STATE)).contains("load fix 1");
    }

    /** Else the one that came second would take the lock of the file from the first, in passing. */
    @Test
    void aFolderThatAnotherThreadHasByAnotherPathIsBusy() throws Exception {
        Path link = Files.createSymbolicLink(folder.resolve("link"), folder);
        try (TrustedFolder _ = TrustedFolder.open(host.trusted())) {
            assertThat(notOpened(link.resolve("trusted")).problems().getFirst().code())
                    .isEqualTo("RBL-TUF-BUSY");
        }
    }

    @Test
    void whoeverWaitsCanBeInterrupted() throws Exception {
        try (TrustedFolder _ = TrustedFolder.open(host.trusted());
                ExecutorService other = Executors.newSingleThreadExecutor()) {
            RebootlessException e =
                    other.submit(
                                    () -> {
                                        Thread.currentThread().interrupt();
                                        return catchThrowableOfType(
                                                RebootlessException.class,
                                                () -> TrustedFolder.open(host.trusted()));
                                    })
                            .get();
            assertThat(e.status()).isEqualTo(ExitStatus.INTERRUPTED);
        }
        assertThat(host.target(STATE)).contains("load fix 1");
    }

    @Test
    void anActionOfAnUpdateCannotUpdateTheSameFolder() {
        assertThatIllegalStateException()
                .isThrownBy(() -> host.client().with(_ -> host.target(STATE)));
        assertThat(host.target(STATE)).contains("load fix 1");
    }

    @Test
    void manyThreadsUpdateOneAfterTheOther() throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            Callable<String> update = () -> host.targetOrRefusal(STATE);
            for (Future<String> each : threads.invokeAll(nCopies(40, update))) {
                assertThat(each.get()).isEqualTo("load fix 1");
            }
        }
    }

    // ---- nobody else ----

    private void assertRefused(String why) {
        RebootlessException e =
                catchThrowableOfType(RebootlessException.class, () -> host.target(STATE));
        assertThat(e).as("used all the same").isNotNull();
        assertThat(e.status()).isEqualTo(ExitStatus.REFUSED);
        assertThat(e.problems().getFirst().code()).isEqualTo("RBL-TUF-STORE-RIGHTS");
        assertThat(e.problems().getFirst().message()).contains(why);
        assertThat(e.problems().getFirst().remedy()).contains("trust the root anew");
    }

    private static String mode(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }

    private static void setMode(Path path, String mode) throws IOException {
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(mode));
    }

    @Test
    void aFolderThatIsMadeIsTheUsersAlone() throws IOException {
        Path deep = folder.resolve("var/lib/trusted");
        TrustedFolder.open(deep).close();
        for (Path made : List.of(deep, folder.resolve("var/lib"), folder.resolve("var"))) {
            assertThat(mode(made)).as(made.toString()).isEqualTo("rwx------");
        }
        assertThat(mode(deep.resolve("lock"))).isEqualTo("rw-------");
        assertThat(mode(host.trusted())).isEqualTo("rwx------");
    }

    @Test
    void whatIsKeptCanBeReadAgainUnderTheRules() throws IOException {
        try (Stream<Path> files = Files.list(host.trusted())) {
            assertThat(files.map(f -> f.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            "lock",
                            "root.json",
                            "timestamp.json",
                            "snapshot.json",
                            "targets.json",
                            "state.json");
        }
        assertThat(host.target(STATE)).contains("load fix 1");
    }

    @Test
    void aFolderThatOthersMayReadIsUsed() throws IOException {
        setMode(host.trusted(), "rwxr-xr-x");
        assertThat(host.target(STATE)).contains("load fix 1");
    }

    @Test
    void aFolderThatBelongsToRootMayBeTrusted() throws IOException {
        StoreRights.requireFolder(Path.of("/usr"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"rwx-w----", "rwxrwxr-x", "rwx----w-", "rwxrwxrwx"})
    void aFolderThatOthersMayWriteToIsRefused(String mode) throws IOException {
        setMode(host.trusted(), mode);
        assertRefused("others than its owner may write");
        assertThat(
                        catchThrowableOfType(
                                        RebootlessException.class,
                                        () ->
                                                TufClient.trust(
                                                        host.trusted(),
                                                        repository
                                                                .signedRoot(repository.root)
                                                                .bytes()))
                                .problems()
                                .getFirst()
                                .code())
                .isEqualTo("RBL-TUF-STORE-RIGHTS");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "root.json",
                "timestamp.json",
                "snapshot.json",
                "targets.json",
                "state.json"
            })
    void aFileThatOthersMayWriteToIsRefused(String name) throws IOException {
        setMode(host.trusted().resolve(name), "rw-rw-r--");
        assertRefused("others than its owner may write");
        setMode(host.trusted().resolve(name), "rw-r--rw-");
        assertRefused("others than its owner may write");
        setMode(host.trusted().resolve(name), "rw-r--r--");
        assertThat(host.target(STATE)).contains("load fix 1");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "root.json",
                "timestamp.json",
                "snapshot.json",
                "targets.json",
                "state.json"
            })
    void whatBelongsToSomebodyElseIsRefused(String name) throws IOException {
        Path path = host.trusted().resolve(name);
        assumeTrue(
                Files.getAttribute(path, "unix:uid").equals(0),
                "only root can give a file to somebody else");
        Files.setAttribute(path, "unix:uid", SOMEBODY_ELSE);
        assertRefused("belongs to the user with the number " + SOMEBODY_ELSE);
        Files.setAttribute(path, "unix:uid", 0);
        assertThat(host.target(STATE)).contains("load fix 1");
    }

    @Test
    void aSymbolicLinkInPlaceOfTheFolderIsRefused() throws IOException {
        Path real = folder.resolve("elsewhere");
        Files.move(host.trusted(), real);
        Files.createSymbolicLink(host.trusted(), real);
        assertRefused("symbolic link");
        // One that leads nowhere is not followed to make something there.
        Files.delete(host.trusted());
        Files.createSymbolicLink(host.trusted(), folder.resolve("nowhere"));
        assertRefused("symbolic link");
        assertThat(folder.resolve("nowhere")).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "root.json",
                "timestamp.json",
                "snapshot.json",
                "targets.json",
                "state.json"
            })
    void aSymbolicLinkInPlaceOfAFileIsRefused(String name) throws IOException {
        Path file = host.trusted().resolve(name);
        Path real = Files.move(file, folder.resolve("elsewhere"));
        Files.createSymbolicLink(file, real);
        assertRefused("symbolic link");
    }

    @Test
    void aSymbolicLinkInPlaceOfTheLockIsNotFollowed() throws IOException {
        Path lock = host.trusted().resolve("lock");
        Files.delete(lock);
        Files.createSymbolicLink(lock, folder.resolve("nowhere"));
        assertThat(host.code(STATE)).isEqualTo("RBL-TUF-STORE");
        assertThat(folder.resolve("nowhere")).doesNotExist();
    }

    @Test
    void aFileInPlaceOfTheFolderIsRefused() throws IOException {
        host = TestHost.of(Files.createFile(folder.resolve("file")), repository.folder);
        assertRefused("no folder");
    }

    @Test
    void aFolderInPlaceOfAFileIsRefused() throws IOException {
        Path file = host.trusted().resolve("snapshot.json");
        Files.delete(file);
        Files.createDirectory(file);
        assertRefused("no ordinary file");
    }

    // ---- what a killed update leaves ----

    @ParameterizedTest
    @ValueSource(
            strings = {
                "root.json",
                "timestamp.json",
                "snapshot.json",
                "targets.json",
                "state.json"
            })
    void whatAnUpdateThatWasKilledWhileItWroteLeftAsideIsNotReadAndGoes(String name)
            throws IOException {
        Path aside = host.trusted().resolve("." + name + ".123.tmp");
        Files.write(aside, bytes("{\"signatures\":[{\"key"));
        repository.next();
        repository.rootVersion = 2;
        repository.publishRoot();
        repository.wanted.put(STATE, repository.files.addTarget(STATE, bytes("load fix 2")));
        repository.publish();
        assertThat(host.target(STATE)).contains("load fix 2");
        assertThat(aside).doesNotExist();
    }
}
