package dev.rebootless.source.compile;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class KbuildPlanTest {
    private static final List<String> LINES =
            List.of(
                    "set -e; gcc-12 -Wp,-MMD,d/.a.o.d -O2 -DMODULE -c -o d/a.o d/a.c ;"
                            + " ./tools/objtool/objtool --orc --module d/a.o; scripts/basic/fixdep",
                    "gcc-12 -O2 -c -o d/b.o d/b.c",
                    "gcc-12 -O2 -DKBUILD_MODFILE='\"d/lib\"' -c -o d/c.o d/c.c",
                    "gcc-12 -O2 -DPLAN -c -o d/sub/../e.o d/sub/../e.c",
                    "gcc-12 -O2 -fPIC -c -o d/vdso.o d/vdso.c",
                    "printf '%s\\n' a.o b.o | awk '!x[$0]++ { print(\"d/\"$0) }' > d/one-mod.mod; x",
                    "printf '%s\\n' b.o | awk '!x[$0]++ { print(\"d/\"$0) }' > d/two.mod",
                    "rm -f d/built-in.a;  printf \"d/%s \" e.o sub/built-in.a | xargs ar cDPrST d/built-in.a",
                    "rm -f d/lib.a; ar cDPrsT d/lib.a d/c.o");

    @Test
    void eachObjectIsFollowedToWhatItIsLinkedInto() {
        KbuildPlan.Units units = KbuildPlan.read(LINES.stream(), "gcc-12", Set.of("-DPLAN"));
        assertThat(units.linked())
                .containsExactly(
                        new UnitCommand(
                                "d/a.c",
                                List.of("-O2", "-DMODULE"),
                                List.of("--orc", "--module"),
                                "one_mod",
                                "d/one-mod"),
                        new UnitCommand(
                                "d/c.c",
                                List.of("-O2", "-DKBUILD_MODFILE=\"d/lib\""),
                                List.of(),
                                "vmlinux",
                                "d/lib"),
                        new UnitCommand(
                                "d/e.c",
                                List.of("-O2", "-fmacro-prefix-map=d/e.c=d/sub/../e.c"),
                                List.of(),
                                "vmlinux",
                                "d/e"));
        assertThat(units.shared()).containsExactly("d/b.c");
        assertThat(units.unlinked()).containsExactly("d/vdso.c");
    }

    /** Its functions are there twice, and a livepatch for one of both would leave half a hole. */
    @Test
    void anObjectOfVmlinuxAndOfAModuleIsSharedAndOfNeither() {
        List<String> lines =
                List.of(
                        "gcc-12 -O2 -c -o d/a.o d/a.c",
                        "gcc-12 -O2 -c -o d/b.o d/b.c",
                        "printf '%s\\n' a.o | awk '!x[$0]++ { print(\"d/\"$0) }' > d/one.mod",
                        "printf \"d/%s \" a.o b.o | xargs ar cDPrST d/built-in.a");
        KbuildPlan.Units units = KbuildPlan.read(lines.stream(), "gcc-12", Set.of());
        assertThat(units.shared()).containsExactly("d/a.c");
        assertThat(units.sides())
                .extracting(SideCommand::kind)
                .containsExactly(SideCommand.Kind.SHARED_OBJECT);
        assertThat(units.linked()).extracting(UnitCommand::source).containsExactly("d/b.c");
    }

    @Test
    void damagedOutputIsReadWithoutFault() {
        long seed = 7;
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        String all = String.join("\n", LINES);
        int found = 0;
        for (int round = 0; round < 5_000; round++) {
            StringBuilder text = new StringBuilder(all);
            for (int n = random.nextInt(5); n >= 0; n--) {
                int at = random.nextInt(text.length());
                if (text.length() < 2) {
                    break;
                }
                switch (random.nextInt(3)) {
                    case 0 -> text.deleteCharAt(at);
                    case 1 -> text.insert(at, ";|'\"\\ \n-\0".charAt(random.nextInt(9)));
                    default -> text.setLength(at + 1);
                }
            }
            found +=
                    KbuildPlan.read(Stream.of(text.toString().split("\n")), "gcc-12", Set.of())
                            .linked()
                            .size();
        }
        assertThat(found).isPositive();
    }
}
