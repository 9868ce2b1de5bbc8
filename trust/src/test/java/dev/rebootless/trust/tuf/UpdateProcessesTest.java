package dev.rebootless.trust.tuf;

import static dev.rebootless.trust.tuf.TestRepository.STATE;
import static dev.rebootless.trust.tuf.TestRepository.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.RebootlessException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Updates in processes of their own, which end at any moment, and work at the same time. */
class UpdateProcessesTest {
    /** With what a process ends that stops in the middle. */
    private static final int STOPPED = 99;

    private static final int UPDATES = 20;

    @TempDir private Path folder;
    private TestRepository repository;
    private Path trusted;

    @BeforeEach
    void aRepositoryAndItsRoot() {
        repository = new TestRepository(folder.resolve("repository"));
        trusted = folder.resolve("trusted");
        repository.publishRoot();
        repository.publish();
        TufClient.trust(trusted, repository.signedRoot(repository.root.subList(0, 2)).bytes());
    }

    private void publishTheSecond() {
        repository.next();
        repository.wanted.put(STATE, repository.files.addTarget(STATE, bytes("load fix 2")));
        repository.publish();
    }

    private static Process start(Class<?> main, Object... arguments) throws IOException {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-XX:TieredStopAtLevel=1",
                                "-XX:+UseSerialGC",
                                "-Xmx64m",
                                "-cp",
                                System.getProperty("java.class.path"),
                                main.getName()));
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }

    // ---- killed ----

    /** Names each file before it reads it, and is gone at once when it is to read the nth. */
    static final class Stopping {
        private Stopping() {}

        static void main(String... arguments) {
            RepositoryReader files = RepositoryReader.of(Path.of(arguments[0]));
            int last = Integer.parseInt(arguments[2]);
            int[] read = {0};
            TestHost host =
                    new TestHost(
                            Path.of(arguments[1]),
                            (name, most) -> {
                                System.out.println(name);
                                if (++read[0] == last) {
                                    System.out.flush();
                                    Runtime.getRuntime().halt(STOPPED);
                                }
                                return files.read(name, most);
                            });
            System.out.println(host.target(STATE).orElseThrow());
        }
    }

    /** What the host was before the update that is killed. */
    enum Before {
        SERVED,
        NEVER_SERVED,
        SERVED_WITH_KEYS_OF_THE_SERVER_THAT_ARE_REPLACED
    }

    /**
     * Each file is kept before the next is read. So an update that ends at each of its reads ends
     * after each of its writes.
     */
    @ParameterizedTest
    @EnumSource
    void afterAnUpdateThatIsKilledAnywhereTheNextOneWorksAndNothingGoesBack(Before before)
            throws Exception {
        if (before != Before.NEVER_SERVED) {
            assertThat(TestHost.of(trusted, repository.folder).target(STATE))
                    .contains("load fix 1");
        }
        Path old = TestHost.copy(repository.folder, folder.resolve("old"));
        if (before == Before.SERVED_WITH_KEYS_OF_THE_SERVER_THAT_ARE_REPLACED) {
            repository.replaceServersKeys();
        } else {
            repository.rootVersion++;
        }
        repository.publishRoot();
        publishTheSecond();
        Path current = TestHost.copy(repository.folder, folder.resolve("current"));
        repository.publishTheFirstStateAsTheNewest();
        Path captured = repository.folder;

        List<String> rows = new ArrayList<>();
        boolean stopped = true;
        for (int n = 1; stopped; n++) {
            Path left = TestHost.copy(trusted, folder.resolve("killed" + n));
            Process update = start(Stopping.class, current, left, n);
            List<String> output = lines(update);
            stopped = update.waitFor() == STOPPED;
            assertThat(stopped || update.exitValue() == 0).isTrue();
            rows.add(
                    "%s: old %s, captured %s"
                            .formatted(
                                    stopped ? kind(output.getLast()) : "not killed",
                                    afterwards(left, old),
                                    afterwards(left, captured)));
            TestHost host = TestHost.of(left, current);
            assertThat(host.target(STATE)).as(rows.getLast()).contains("load fix 2");
            TestHost replayed = TestHost.of(left, old);
            assertThat(replayed.targetOrRefusal(STATE))
                    .as(rows.getLast())
                    .isIn("ROLLBACK", "ARBITRARY_SOFTWARE");
            assertThat(TestHost.of(left, captured).refused(STATE))
                    .as(rows.getLast())
                    .isEqualTo(TufFault.Attack.ROLLBACK);
        }
        // An update knows nothing new until it has kept something. From then on that counts.
        String byRoot =
                before == Before.SERVED_WITH_KEYS_OF_THE_SERVER_THAT_ARE_REPLACED
                        ? "ARBITRARY_SOFTWARE"
                        : "load fix 1";
        String byTimestamp = byRoot.equals("load fix 1") ? "ROLLBACK" : byRoot;
        assertThat(rows)
                .containsExactly(
                        "2.root.json: old load fix 1, captured load fix 1",
                        "3.root.json: old " + byRoot + ", captured load fix 1",
                        "timestamp.json: old " + byRoot + ", captured load fix 1",
                        "2.snapshot.json: old " + byTimestamp + ", captured load fix 1",
                        "2.targets.json: old " + byTimestamp + ", captured ROLLBACK",
                        "2.state.json: old " + byTimestamp + ", captured ROLLBACK",
                        "the target: old " + byTimestamp + ", captured ROLLBACK",
                        "not killed: old " + byTimestamp + ", captured ROLLBACK");
    }

    private static String kind(String read) {
        return read.startsWith("targets/") ? "the target" : read.substring("metadata/".length());
    }

    /** What a host with a copy of what was left gets of a repository. */
    private String afterwards(Path left, Path served) throws IOException {
        Path copy = TestHost.copy(left, folder.resolve("copy"));
        try {
            return TestHost.of(copy, served).targetOrRefusal(STATE);
        } finally {
            AtomicFiles.removeTree(copy);
        }
    }

    private static List<String> lines(Process process) {
        return process.inputReader(StandardCharsets.UTF_8).lines().toList();
    }

    // ---- at once ----

    /** Updates again and again, and fails when another update is in the middle. */
    static final class Repeating {
        private Repeating() {}

        static void main(String... arguments) {
            RepositoryReader files = RepositoryReader.of(Path.of(arguments[0]));
            Path marker = Path.of(arguments[2]);
            boolean[] alone = {false};
            TestHost host =
                    new TestHost(
                            Path.of(arguments[1]),
                            (name, most) -> {
                                if (!alone[0]) {
                                    alone[0] = true;
                                    create(marker);
                                }
                                return files.read(name, most);
                            });
            System.out.println("ready");
            for (int i = 0; i < UPDATES; i++) {
                String state =
                        host.client()
                                .with(session -> {
                                    byte[] found = session.target(STATE, 100).orElseThrow();
                                    delete(marker);
                                    alone[0] = false;
                                    return new String(found, StandardCharsets.UTF_8);
                                });
                System.out.println(state);
            }
        }

        private static void create(Path file) {
            try {
                Files.createFile(file);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private static void delete(Path file) {
            try {
                Files.delete(file);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    @Test
    void twoProcessesThatUpdateOneFolderAtOnceBothSucceedOneAtATime() throws Exception {
        Path old = TestHost.copy(repository.folder, folder.resolve("old"));
        publishTheSecond();
        Path marker = folder.resolve("in the middle of an update");
        List<Process> both = new ArrayList<>();
        List<BufferedReader> outputs = new ArrayList<>();
        // Both are to wait, so that both begin at the same time.
        try (TrustedFolder _ = TrustedFolder.open(trusted)) {
            for (int i = 0; i < 2; i++) {
                Process process = start(Repeating.class, repository.folder, trusted, marker);
                both.add(process);
                outputs.add(process.inputReader(StandardCharsets.UTF_8));
            }
            for (BufferedReader output : outputs) {
                assertThat(output.readLine()).isEqualTo("ready");
            }
        }
        for (int i = 0; i < 2; i++) {
            assertThat(outputs.get(i).lines()).hasSize(UPDATES).containsOnly("load fix 2");
            assertThat(both.get(i).waitFor()).isZero();
        }
        TestHost host = TestHost.of(trusted, repository.folder);
        assertThat(host.target(STATE)).contains("load fix 2");
        assertThat(TestHost.of(trusted, old).refused(STATE)).isEqualTo(TufFault.Attack.ROLLBACK);
    }

    /** Has a folder until its input ends, or it is killed. */
    static final class Holding {
        private Holding() {}

        static void main(String... arguments) throws IOException {
            try (TrustedFolder _ = TrustedFolder.open(Path.of(arguments[0]))) {
                System.out.println("has it");
                int _ = System.in.read();
            }
        }
    }

    @Test
    void aFolderThatAnotherProcessHasIsSaidToBeBusyAndIsFreeWhenThatIsKilled() throws Exception {
        Process other = start(Holding.class, trusted);
        assertThat(other.inputReader(StandardCharsets.UTF_8).readLine()).isEqualTo("has it");
        RebootlessException e =
                catchThrowableOfType(
                        RebootlessException.class,
                        () -> TrustedFolder.open(trusted, Duration.ofMillis(200)));
        assertThat(e.problems().getFirst().code()).isEqualTo("RBL-TUF-BUSY");
        other.destroyForcibly().waitFor();
        assertThat(TestHost.of(trusted, repository.folder).target(STATE)).contains("load fix 1");
    }
}
