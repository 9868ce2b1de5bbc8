package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.manifest.Proof;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every livepatch of the tests that prove one, through the whole build, on every CPU model. */
@Tag("long")
class LivepatchProofOnAllModelsTest {
    /** Patches that come after another, which their checks need as well. */
    private static final Map<String, String> ON_TOP_OF =
            Map.of("version-line-again", "version-line", "fdinfo-both", "fdinfo-show");

    /** What they change is in their objects; nothing in the guest's user space shows it. */
    private static final Set<String> WITHOUT_CHECK =
            Set.of("ccm-digest", "loop-offset", "nft-table", "wireguard-cookie");

    @TempDir Path folder;

    /** The names of all patches, so that a new one cannot be forgotten. */
    static Stream<String> names() throws IOException {
        Path patches = Objects.requireNonNull(Patches.patch("version-line").getParent());
        try (Stream<Path> files = Files.list(patches)) {
            List<String> names =
                    files.map(file -> String.valueOf(file.getFileName()))
                            .filter(file -> file.endsWith(".patch"))
                            .map(file -> file.substring(0, file.length() - ".patch".length()))
                            .filter(name -> !WITHOUT_CHECK.contains(name))
                            .sorted()
                            .toList();
            assertThat(names).hasSizeGreaterThanOrEqualTo(14);
            return names.stream();
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void theLivepatchIsProvenOnAllModels(String name) {
        String[] patches =
                ON_TOP_OF.containsKey(name)
                        ? new String[] {ON_TOP_OF.get(name), name}
                        : new String[] {name};
        Proof proof = new Proving(folder).proveOnAllModels(patches).proof().orElseThrow();
        assertThat(proof.passed()).isTrue();
        assertThat(proof.boots()).hasSizeGreaterThanOrEqualTo(3);
    }
}
