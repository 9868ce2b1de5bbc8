package dev.rebootless.lab;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.manifest.Proof;
import dev.rebootless.manifest.ProofBoot;
import dev.rebootless.manifest.ProofCheck;
import dev.rebootless.manifest.ProofEarlier;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.groups.Tuple;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Livepatches that come after others, in real boots. */
class EarlierProofTest {
    @TempDir static Path shared;
    @TempDir Path folder;

    private static StockKernel kernel;
    private static Path first;
    private static Path replacing;
    private static Path stacked;

    @BeforeAll
    static void buildTheLivepatches() throws IOException {
        kernel = StockKernel.unpack(shared.resolve("kernel"));
        first = livepatch("lab_first", false);
        replacing = livepatch("lab_replacing", true);
        stacked = livepatch("lab_stacked", false);
    }

    /** Shows its name in /proc/cmdline. */
    private static Path livepatch(String name, boolean replace) throws IOException {
        return kernel.buildLivepatch(
                shared.resolve(name),
                name,
                replace,
                """
                #include <linux/seq_file.h>
                static int replacement(struct seq_file *m, void *v)
                {
                        seq_puts(m, "%s\\n");
                        return 0;
                }
                static struct klp_func changed[] = {
                        { .old_name = "cmdline_proc_show", .new_func = replacement }, { }
                };
                static struct klp_object objects[] = { { .funcs = changed }, { } };
                """
                        .formatted(name));
    }

    @Test
    void aReplacingLivepatchTakesOverAndLeavesTheOriginalWhenItGoes() throws IOException {
        ProofBoot boot = prove(replacing, Takeover.REPLACES, "lab_replacing", first);

        assertThat(boot.reasons()).isEmpty();
        assertThat(boot.earlier())
                .singleElement()
                .satisfies(earlier -> {
                    assertThat(earlier.name()).isEqualTo("lab_first");
                    assertThat(earlier.fate()).isEqualTo("replaced");
                    assertThat(earlier.removeSeconds()).isPresent();
                });
        assertThat(output(boot, "earlier")).isEqualTo("lab_first\n");
        assertThat(output(boot, "during")).isEqualTo("lab_replacing\n");
        assertThat(output(boot, "after"))
                .isEqualTo(output(boot, "before"))
                .contains("console=ttyS0");
    }

    @Test
    void aStackedLivepatchLeavesTheEarlierOneInForceWhenItGoes() throws IOException {
        ProofBoot boot = prove(stacked, Takeover.STACKS, "lab_stacked", first);

        assertThat(boot.reasons()).isEmpty();
        assertThat(boot.earlier())
                .extracting(ProofEarlier::name, ProofEarlier::fate)
                .containsExactly(Tuple.tuple("lab_first", "stays"));
        assertThat(output(boot, "during")).isEqualTo("lab_stacked\n");
        assertThat(output(boot, "after"))
                .isEqualTo(output(boot, "earlier"))
                .isEqualTo("lab_first\n");
    }

    @Test
    void ofTwoEarlierOnesTheOneThatWasReplacedBeforeIsToldFromTheOther() throws IOException {
        ProofBoot boot = prove(stacked, Takeover.UNKNOWN, "lab_stacked", first, replacing);

        assertThat(boot.reasons()).isEmpty();
        assertThat(boot.earlier())
                .extracting(ProofEarlier::name, ProofEarlier::fate)
                .containsExactly(
                        Tuple.tuple("lab_first", "gone-before"),
                        Tuple.tuple("lab_replacing", "stays"));
        assertThat(output(boot, "after")).isEqualTo("lab_replacing\n");
    }

    @Test
    void aLivepatchThatDoesNotDoWhatItSaysOfItselfFailsTheProof() throws IOException {
        assertThat(prove(stacked, Takeover.REPLACES, "lab_stacked", first).reasons())
                .anyMatch(reason -> reason.contains("lab_first stays in force"));
        assertThat(prove(replacing, Takeover.STACKS, "lab_replacing", first).reasons())
                .anyMatch(reason -> reason.contains("lab_first is no longer in force"));
    }

    private static String output(ProofBoot boot, String phase) {
        return boot.checks().stream()
                .filter(check -> check.phase().equals(phase))
                .map(ProofCheck::output)
                .findFirst()
                .orElseThrow();
    }

    private ProofBoot prove(Path module, Takeover takeover, String shown, Path... earlier)
            throws IOException {
        Path check =
                Files.writeString(
                        folder.resolve("check.sh"),
                        "cat /proc/cmdline; grep -qx " + shown + " /proc/cmdline");
        Proof proof =
                Lab.standard()
                        .prove(
                                ProofRequest.of(kernel.image())
                                        .withModule(module)
                                        .withEarlierModules(List.of(earlier))
                                        .withTakeover(takeover)
                                        .withCheck(check)
                                        .withProfiles(
                                                List.of(new CpuProfile(CpuProfile.MAX, List.of()))),
                                System.err::println);
        return proof.boots().getFirst();
    }
}
