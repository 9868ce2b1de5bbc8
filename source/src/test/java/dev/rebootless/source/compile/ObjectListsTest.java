package dev.rebootless.source.compile;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ObjectListsTest {
    /** The forms that the Makefiles of a kernel have. */
    private static final String MAKEFILE =
            """
            # obj-y += comment.o
            obj-y += always.o \\
                    continued.o # after.o
            obj-$(CONFIG_A) := a.o sub/ sub/below.o $(obj)/own.o
            obj-${CONFIG_B} += b.o
            obj-$(subst m,y,$(CONFIG_C)) += c.o
            lib-y = l.o $(mmu-y)
            mmu-y := nommu.o
            mmu-$(CONFIG_MMU) := mmu.o
            part-objs := first.o
            part-$(CONFIG_D) += $(addprefix deep/, second.o \\
                    third.o) fourth.o
            obj-$(CONFIG_PART) += part.o
            whole-y := inner.o
            inner-y := innermost.o
            obj-m += whole.o
            round-y := circle.o
            circle-y := round.o
            OTHER := other.o
            display-y := ../display/x.o
            CFLAGS_flags.o += -O1
            hostprogs := program.o
            obj-y += $(UNKNOWN)/hidden.o
            """;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "always.o|obj-y += always.o continued.o",
                "continued.o|obj-y += always.o continued.o",
                "sub/below.o|obj-$(CONFIG_A) := a.o sub/ sub/below.o $(obj)/own.o",
                "own.o|obj-$(CONFIG_A) := a.o sub/ sub/below.o $(obj)/own.o",
                "b.o|obj-${CONFIG_B} += b.o",
                "c.o|obj-$(subst m,y,$(CONFIG_C)) += c.o",
                "nommu.o|mmu-y := nommu.o",
                "mmu.o|mmu-$(CONFIG_MMU) := mmu.o",
                "first.o|part-objs := first.o; obj-$(CONFIG_PART) += part.o",
                "deep/third.o|part-$(CONFIG_D) += $(addprefix deep/, second.o third.o) fourth.o;"
                        + " obj-$(CONFIG_PART) += part.o",
                "innermost.o|inner-y := innermost.o; whole-y := inner.o; obj-m += whole.o"
            })
    void anObjectOfTheFoldersOwnListsIsFoundWithItsLine(String object, String line) {
        assertThat(ObjectLists.of(MAKEFILE).listing(object)).contains(line);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "comment.o",
                "after.o",
                "below.o",
                "third.o",
                "other.o",
                "flags.o",
                "program.o",
                "hidden.o",
                "circle.o",
                "round.o",
                "x.o",
                "no.o"
            })
    void whatIsListedForAnotherFolderOrNotAtAllIsNotFound(String object) {
        assertThat(ObjectLists.of(MAKEFILE).listing(object)).isEmpty();
    }

    @Test
    void damagedMakefilesAreReadWithoutFaultAndInTime() {
        long seed = 11;
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        int found = 0;
        for (int round = 0; round < 5_000; round++) {
            StringBuilder text = new StringBuilder(MAKEFILE);
            for (int n = random.nextInt(8); n >= 0; n--) {
                int at = random.nextInt(text.length());
                switch (random.nextInt(3)) {
                    case 0 -> text.deleteCharAt(at);
                    case 1 -> text.insert(at, "$(){}=-\\\n# \0.o".charAt(random.nextInt(14)));
                    default -> text.insert(at, text.substring(at, Math.min(at + 9, text.length())));
                }
            }
            found += ObjectLists.of(text.toString()).listing("innermost.o").isPresent() ? 1 : 0;
        }
        assertThat(found).isPositive();
        StringBuilder chain = new StringBuilder("obj-y += s0.o\n");
        for (int i = 0; i < 50_000; i++) {
            chain.append("s%d-y := s%d.o\n".formatted(i, i + 1));
        }
        assertThat(ObjectLists.of(chain.toString()).listing("s3.o")).isPresent();
        assertThat(ObjectLists.of(chain.toString()).listing("s40000.o")).isEmpty();
        String nested = "obj-" + "$(".repeat(100_000) + " = x.o";
        assertThat(ObjectLists.of(nested).listing("x.o")).isEmpty();
    }
}
