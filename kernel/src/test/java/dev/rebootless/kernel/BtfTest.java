package dev.rebootless.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.elf.ElfReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Types that gcc wrote ({@code -gbtf}) against what gcc itself says of them. */
class BtfTest {
    private static final String SOURCE =
            """
            #include <stddef.h>
            #include <stdio.h>
            typedef unsigned long number;
            enum colour { RED, GREEN };
            struct point { short x; const volatile short y; };
            struct outer {
                char first;
                union {
                    int whole;
                    struct { short low, high; };
                };
                number big;
                struct point points[3][2];
                unsigned flag : 3, other : 5;
                void *pointer;
                enum colour colour;
                struct outer *next;
            };
            union either { char c[7]; long l; };
            struct outer outer; union either either; struct point point; number n; float f;
            #define SHOW(m) printf("%s %zu %zu\\n", #m, offsetof(struct outer, m), sizeof outer.m)
            int main(void) {
                SHOW(first); SHOW(whole); SHOW(low); SHOW(high); SHOW(big); SHOW(points);
                SHOW(pointer); SHOW(colour); SHOW(next);
                printf("struct outer %zu\\n", sizeof outer);
                return 0;
            }
            """;

    @TempDir Path folder;
    private byte[] section = new byte[0];
    private Btf btf = Btf.parse(EMPTY);

    /** A header, no types, and the empty string. */
    private static final byte[] EMPTY = {
        (byte) 0x9F,
        (byte) 0xEB,
        1,
        0,
        24,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        0
    };

    @BeforeEach
    void compile() throws IOException {
        Path source = folder.resolve("types.c");
        Files.writeString(source, SOURCE);
        run("gcc", "-gbtf", "-c", "-o", folder.resolve("types.o").toString(), source.toString());
        section =
                ElfReader.read(Files.readAllBytes(folder.resolve("types.o")))
                        .section(".BTF")
                        .orElseThrow()
                        .content();
        btf = Btf.parse(section);
    }

    @Test
    void offsetsAndSizesAreTheCompilers() {
        run("gcc", "-o", folder.resolve("types").toString(), folder.resolve("types.c").toString());
        List<String> lines = run(folder.resolve("types").toString()).out().lines().toList();
        Btf.Struct outer = btf.struct("outer").orElseThrow();

        assertThat(lines).hasSize(10);
        for (String line : lines.subList(0, 9)) {
            String[] words = line.split(" ");
            Btf.Field field = outer.field(words[0]).orElseThrow();
            assertThat(field.offset()).as(line).isEqualTo(Integer.parseInt(words[1]));
            assertThat(field.size()).as(line).isEqualTo(Integer.parseInt(words[2]));
        }
        assertThat(lines.getLast()).isEqualTo("struct outer " + outer.size());
    }

    @Test
    void membersOfAnonymousMembersStandInTheirPlace() {
        assertThat(btf.struct("outer").orElseThrow().fields())
                .extracting(Btf.Field::name)
                .containsExactly(
                        "first", "whole", "low", "high", "big", "points", "flag", "other",
                        "pointer", "colour", "next");
    }

    @Test
    void bitFieldsHaveBitsAndNoBytes() {
        Btf.Struct outer = btf.struct("outer").orElseThrow();
        Btf.Field flag = outer.field("flag").orElseThrow();
        Btf.Field other = outer.field("other").orElseThrow();

        assertThat(flag.bitSize()).isEqualTo(3);
        assertThat(other.bitSize()).isEqualTo(5);
        assertThat(other.bitOffset() - flag.bitOffset()).isEqualTo(3);
        assertThatThrownBy(other::offset).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void sizesAreFoundByTheNameInC() {
        assertThat(btf.size("struct point")).hasValue(4);
        assertThat(btf.size("union either")).hasValue(8);
        assertThat(btf.size("enum colour")).hasValue(4);
        assertThat(btf.enumerator("colour", "RED")).hasValue(0);
        assertThat(btf.enumerator("colour", "GREEN")).hasValue(1);
        assertThat(btf.enumerator("colour", "BLUE")).isEmpty();
        assertThat(btf.enumerator("shape", "GREEN")).isEmpty();
        assertThat(btf.size("number")).hasValue(8);
        assertThat(btf.size("char")).hasValue(1);
        assertThat(btf.size("struct either")).isEmpty();
        assertThat(btf.union("either")).isPresent();
        assertThat(btf.struct("poin")).isEmpty();
        assertThat(btf.struct("points")).isEmpty();
    }

    @Test
    void namesakesThatDifferAreRefused() {
        // The name of point is given to outer as well: its name is the first word of the type.
        byte[] twins = section.clone();
        int types = 24;
        int point = -1;
        int outer = -1;
        int end = types + Foreign.int32(section, 12);
        for (int at = types; at < end; at += 4) {
            int kind = Foreign.int32(section, at + 4) >>> 24 & 0x1F;
            if (kind == 4 && name(at).equals("point") && point < 0) {
                point = at;
            } else if (kind == 4 && name(at).equals("outer") && outer < 0) {
                outer = at;
            }
        }
        assertThat(point).isPositive();
        assertThat(outer).isPositive();
        System.arraycopy(section, point, twins, outer, 4);

        assertThatThrownBy(() -> Btf.parse(twins).struct("point"))
                .isInstanceOf(RebootlessException.class)
                .hasMessageContaining("which differ");
    }

    private String name(int at) {
        int offset = Foreign.int32(section, at);
        int start = 24 + Foreign.int32(section, 16) + offset;
        if (offset < 0 || start < 0 || start >= section.length) {
            return "";
        }
        int end = start;
        while (end < section.length && section[end] != 0) {
            end++;
        }
        return new String(section, start, end - start, java.nio.charset.StandardCharsets.US_ASCII);
    }

    @Test
    void anEmptyTableHasNoTypes() {
        assertThat(Btf.parse(EMPTY).typeCount()).isZero();
        assertThat(Btf.parse(EMPTY).struct("module")).isEmpty();
    }

    @Test
    void damagedTypesAreReadOrRefusedAndNothingElse() {
        Mutations.Outcome outcome =
                Mutations.run(
                        section,
                        Foreign.int32(section, 12) + 24,
                        20_000,
                        bytes -> {
                            Btf damaged = Btf.parse(bytes);
                            damaged.struct("outer");
                            damaged.union("either");
                            damaged.size("struct outer");
                            damaged.size("number");
                            damaged.size("enum colour");
                        });

        assertThat(outcome.refused()).isGreaterThan(1_000);
        assertThat(outcome.accepted()).isGreaterThan(1_000);
        assertThat(outcome.slowest()).isLessThan(Duration.ofSeconds(5));
    }

    private static Subprocess.Result run(String... command) {
        Subprocess.Result result = Subprocess.of(command).run();
        assertThat(result.ok()).as(result.all()).isTrue();
        return result;
    }
}
