package dev.rebootless.trust.tuf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** A host that updates in this process, at the time of {@link TestRepository#NOW}. */
record TestHost(Path trusted, RepositoryReader served) {
    private static final long MOST = 1 << 20;

    static TestHost of(Path trusted, Path repository) {
        return new TestHost(trusted, RepositoryReader.of(repository));
    }

    TufClient client() {
        return new TufClient(trusted, served, Clock.fixed(TestRepository.NOW, ZoneOffset.UTC));
    }

    Optional<String> target(String path) {
        return client().target(path, MOST).map(String::new);
    }

    /** As what the update is refused. */
    TufFault.Attack refused(String path) {
        TufFault fault = catchThrowableOfType(TufFault.class, () -> target(path));
        assertThat(fault).as("served without complaint").isNotNull();
        return fault.attack();
    }

    /** The target, or as what the update is refused. */
    String targetOrRefusal(String path) {
        try {
            return target(path).orElse("no such target");
        } catch (TufFault e) {
            return e.attack().toString();
        }
    }

    /** With which code the update ends. */
    String code(String path) {
        RebootlessException e = catchThrowableOfType(RebootlessException.class, () -> target(path));
        assertThat(e).as("no error").isNotNull();
        return e.problems().getFirst().code();
    }

    int trustedVersion(TufRole role) throws IOException {
        byte[] file = Files.readAllBytes(trusted.resolve(role.word() + ".json"));
        return SignedMetadata.read(file, role.word(), role).metadata().version();
    }

    /** Copies a folder, with whose its files are and who may read and write them. */
    static Path copy(Path from, Path to) throws IOException {
        List<Path> all;
        try (Stream<Path> walk = Files.walk(from)) {
            all = walk.toList();
        }
        for (Path path : all) {
            Files.copy(path, to.resolve(from.relativize(path)), StandardCopyOption.COPY_ATTRIBUTES);
        }
        return to;
    }
}
