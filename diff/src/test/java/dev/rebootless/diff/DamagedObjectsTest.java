package dev.rebootless.diff;

import static dev.rebootless.diff.Diffs.edit;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.elf.ElfWriter;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

/**
 * Whatever is in a file, comparing it ends soon: with a result that holds, or with a clear error.
 */
class DamagedObjectsTest {
    private static final int ROUNDS = 6_000;
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private static final String UNIT =
            SpecialTablesTest.MACROS
                    + """
                    extern __attribute__((cold)) int printk(const char *, ...);
                    static int counter = 3;
                    static const int limits[] = {1, 2, 4, 8};
                    struct ops { int (*call)(int); };
                    static __attribute__((noinline)) int helper(int x) { sink(x); return x + counter++; }
                    struct ops table = { helper };
                    int work(int x)
                    {
                        static int calls;
                        int r;
                        if (x == 3) BUG(2);
                        LOAD(r, x, 3);
                        ALTERNATIVE("nop", "mfence", 97);
                        if (HAS_FEATURE(4)) sink(r);
                        PARAVIRT(9);
                        if (BRANCH(key_a)) sink(x);
                        if (__builtin_expect(x > 100, 0)) { printk("too much: %d in %s\\n", x, __func__); return -1; }
                        switch (x) { case 0: r = 7; break; case 1: r = 5; break; case 2: r = 99; break; case 3: r = -3; break; case 4: r = 2; break; default: r = 0; }
                        return helper(x) * 3 + limits[x & 3] + calls++ + r;
                    }
                    """;

    /** The same bytes with up to four of them changed. */
    static byte[] damaged(byte[] good, Random random) {
        byte[] bad = good.clone();
        int changes = 1 + random.nextInt(4);
        for (int i = 0; i < changes; i++) {
            int at =
                    random.nextBoolean()
                            // Symbols, relocations and the section table fill the second half.
                            ? bad.length / 2 + random.nextInt(bad.length - bad.length / 2)
                            : random.nextInt(bad.length);
            bad[at] =
                    (byte)
                            switch (random.nextInt(4)) {
                                case 0 -> random.nextInt();
                                case 1 -> 0;
                                case 2 -> 0xff;
                                default -> bad[at] ^ (1 << random.nextInt(8));
                            };
        }
        return bad;
    }

    @Test
    void damagedObjectsAreRefusedOrComparedAndNeverAnythingElse() {
        for (Gcc gcc : java.util.List.of(Gcc.SECTIONS, Gcc.WHOLE)) {
            byte[] original = ElfWriter.write(gcc.compile(UNIT));
            byte[] patched =
                    ElfWriter.write(gcc.compile(edit(UNIT, "helper(x) * 3", "helper(x) * 5")));
            ElfObject sound = ElfReader.read(original);
            long seed = Long.getLong("rebootless.seed", System.nanoTime());
            System.out.println("seed " + seed + " (-Drebootless.seed)");
            Random random = new Random(seed);
            long end = System.nanoTime() + LIMIT.toNanos() / 2;
            int refused = 0;
            int extracted = 0;
            int round = 0;
            for (; round < ROUNDS / 2 && System.nanoTime() < end; round++) {
                byte[] bad = damaged(patched, random);
                try {
                    ElfObject object = ElfReader.read(bad);
                    ChangeSet changes =
                            random.nextBoolean()
                                    ? ObjectDiff.compare(sound, object)
                                    : ObjectDiff.compare(object, sound);
                    if (changes.verdict() == Verdict.REFUSED) {
                        refused++;
                    } else {
                        byte[] bytes = ElfWriter.write(Extractor.extract(changes).object());
                        assertThat(ElfWriter.write(ElfReader.read(bytes))).isEqualTo(bytes);
                        extracted++;
                    }
                } catch (RebootlessException e) {
                    refused++;
                } catch (RuntimeException | Error e) {
                    throw new AssertionError("round " + round + " of seed " + seed, e);
                }
            }
            assertThat(refused).isGreaterThan(50);
            assertThat(extracted).isGreaterThan(50);
            assertThat(round).isGreaterThan(500);
        }
    }

    /**
     * Constants that point at the next two, doubly: to follow every way takes 2 to the depth steps.
     */
    private static String chain(int depth, int ways, int end) {
        StringBuilder text =
                new StringBuilder(
                        ".text\n.globl f\n.type f,@function\nf: movq $CSWTCH.0, %rax\nret\n.size f,.-f\n.section .rodata,\"a\"\n");
        for (int i = 0; i < depth; i++) {
            text.append("CSWTCH.%d:\n".formatted(i));
            for (int way = 0; way < ways; way++) {
                text.append(".quad CSWTCH.%d\n".formatted(i + 1));
            }
            text.append(".type CSWTCH.%d,@object\n.size CSWTCH.%d,%d\n".formatted(i, i, 8 * ways));
        }
        text.append(
                "CSWTCH.%d: .quad %d\n.type CSWTCH.%d,@object\n.size CSWTCH.%d,8\n"
                        .formatted(depth, end, depth, depth));
        return text.toString();
    }

    @Test
    void constantsThatPointAtOneAnotherInManyWaysAreComparedInBoundedTime() {
        ElfObject one = Gcc.SECTIONS.assemble(chain(60, 2, 1));
        ElfObject other = Gcc.SECTIONS.assemble(chain(60, 2, 2));
        Assertions.assertTimeoutPreemptively(
                LIMIT,
                () -> {
                    assertThat(ObjectDiff.compare(one, one).verdict()).isEqualTo(Verdict.UNCHANGED);
                    assertThat(ObjectDiff.compare(one, other).changed()).containsExactly("f");
                });
    }

    @Test
    void aLongChainOfConstantsIsComparedToItsEnd() {
        ElfObject one = Gcc.SECTIONS.assemble(chain(20_000, 1, 1));
        ElfObject other = Gcc.SECTIONS.assemble(chain(20_000, 1, 2));
        Assertions.assertTimeoutPreemptively(
                LIMIT,
                () -> {
                    assertThat(ObjectDiff.compare(one, one).verdict()).isEqualTo(Verdict.UNCHANGED);
                    assertThat(ObjectDiff.compare(one, other).changed()).containsExactly("f");
                });
    }

    /** Seed 472990174192 of the test above, round 2932. */
    @Test
    void aSymbolOfNegativeSizeIsRefused() {
        ElfObject sound = Gcc.SECTIONS.compile(UNIT);
        ElfObject damaged =
                ElfObject.of(
                        sound.header(),
                        sound.sections(),
                        sound.symbols().stream()
                                .map(s -> s.name().equals("work") ? sized(s, Long.MIN_VALUE) : s)
                                .toList(),
                        sound.relocationTables(),
                        sound.groups(),
                        sound.linkOrder());
        assertThatThrownBy(() -> ObjectDiff.compare(sound, damaged))
                .isInstanceOf(RebootlessException.class)
                .hasMessageContaining("negative size");
    }

    private static ElfSymbol sized(ElfSymbol symbol, long size) {
        return new ElfSymbol(
                symbol.name(),
                symbol.value(),
                size,
                symbol.type(),
                symbol.binding(),
                symbol.other(),
                symbol.place());
    }

    @Test
    void anEmptyTableAndAnObjectWithoutAnythingAreUnchanged() {
        ElfObject empty =
                Gcc.SECTIONS.assemble(
                        ".section .altinstructions,\"a\"\n.section __mcount_loc,\"a\"\n");
        assertThat(ObjectDiff.compare(empty, empty).verdict()).isEqualTo(Verdict.UNCHANGED);
        byte[] cut = Arrays.copyOf(ElfWriter.write(empty), 40);
        assertThatThrownBy(() -> ElfReader.read(cut)).isInstanceOf(RebootlessException.class);
    }
}
