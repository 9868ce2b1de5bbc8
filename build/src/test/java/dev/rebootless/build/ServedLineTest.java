package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.KitFacts;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A kit can be there for a line that no livepatch is built for yet. */
class ServedLineTest {
    @TempDir Path folder;

    @Test
    void aKernelOfALineThatIsNotServedIsRefusedBeforeThePatchIsRead() {
        Build build = new Build(kit("6.6.15-cloud-amd64"), Progress.SILENT, false);
        Path patch = folder.resolve("not-there.patch");

        assertThatExceptionOfType(RebootlessException.class)
                .isThrownBy(() -> build.explain(List.of(patch)))
                .matches(e -> e.status() == ExitStatus.REFUSED)
                .matches(e -> e.problems().getFirst().code().equals("RBL-KERNEL-UNSUPPORTED"))
                .withMessageContaining("6.6.15-cloud-amd64")
                .withMessageContaining("6.1");
        assertThatExceptionOfType(RebootlessException.class)
                .isThrownBy(() ->
                        build.run(
                                new BuildRequest(
                                        List.of(patch),
                                        folder,
                                        Optional.empty(),
                                        true,
                                        List.of(),
                                        false,
                                        Optional.empty())))
                .matches(e -> e.problems().getFirst().code().equals("RBL-KERNEL-UNSUPPORTED"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"6.1.0-56-cloud-amd64", "6.12.117+deb12-cloud-amd64"})
    void aKernelOfAServedLineGetsAsFarAsThePatch(String release) {
        Build build = new Build(kit(release), Progress.SILENT, false);

        assertThatExceptionOfType(RebootlessException.class)
                .isThrownBy(() -> build.explain(List.of(folder.resolve("not-there.patch"))))
                .matches(e -> e.problems().getFirst().code().equals("RBL-PATCH-UNREADABLE"));
    }

    /** What is known of a kit, with nothing behind it. */
    private Kit kit(String release) {
        return new Kit(
                folder,
                new KitFacts(
                        KitFacts.SCHEMA_VERSION,
                        release,
                        "00112233445566778899aabbccddeeff00112233",
                        "1-1",
                        "linux",
                        "1-1",
                        List.of(),
                        Optional.empty(),
                        new KitFacts.Compiler("gcc-12", "gcc-12 (Debian 12) 12", "gcc-12"),
                        new TreeMap<>(),
                        release + " SMP ",
                        "Linux version " + release,
                        "",
                        List.of(),
                        0,
                        Instant.EPOCH));
    }
}
