package dev.rebootless.elf.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The decoder against GNU objdump on what gcc writes for the processors that kernels know. */
class CompiledCodeDecodingTest {
    @TempDir Path folder;

    private static final String SOURCE =
            """
            #include <stddef.h>
            #include <stdint.h>

            extern int report(const char *, ...);
            extern int (*hooks[8])(int);
            volatile uint16_t word;
            volatile uint64_t quad;

            int choose(int what, int x)
            {
                switch (what) {
                case 0: return report("zero %d", x);
                case 1: return hooks[x & 7](x) + 1;
                case 2: quad = 0x1122334455667788; return x * 0x12345;
                case 3: word = 0xbeef; return x % 10;
                case 4: word &= 0xf00f; return (x << 3) ^ -x;
                case 5: return x > 5 ? x / 7 : word;
                case 6: __builtin_trap();
                case 7: return __builtin_popcount(x) + __builtin_ctz(x);
                default: return hooks[0](what);
                }
            }

            void saxpy(float *restrict y, const float *restrict x, float a, size_t n)
            {
                for (size_t i = 0; i < n; i++)
                    y[i] = a * x[i] + y[i];
            }

            void mix(uint8_t *restrict to, const uint8_t *restrict from, size_t n)
            {
                for (size_t i = 0; i < n; i++)
                    to[i] = (uint8_t)((from[i] * 37 + (to[i] >> 3)) ^ (from[i] > 100 ? 0x5a : to[i]));
            }

            int64_t sum(const int32_t *x, size_t n)
            {
                int64_t s = 0;
                for (size_t i = 0; i < n; i++)
                    s += x[i] > 0 ? x[i] : -(int64_t)x[i] * 3;
                return s;
            }

            long double slow(long double a, long double b, int n)
            {
                while (n-- > 0)
                    a = a * b + (a > b ? 1.5L : b / a);
                return a;
            }

            double fast(double a, int b, unsigned long c)
            {
                return a * b + (double)c - (float)b;
            }

            void far(uint64_t x[static 4000], uint64_t k)
            {
                for (int i = 0; i < 1000; i++)
                    x[i + 1000] = (x[i] >> (k & 63) | x[i] << (64 - (k & 63))) + x[3999 - i];
            }

            _Bool swap(uint64_t *where, uint64_t from, uint64_t to)
            {
                __atomic_fetch_add(&quad, from, __ATOMIC_SEQ_CST);
                return __atomic_compare_exchange_n(where, &from, to, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
            }
            """;

    @ParameterizedTest(name = "gcc {0}")
    @ValueSource(
            strings = {
                "-O0",
                "-O2 -mno-sse -mno-mmx -DNOFLOAT",
                "-Os",
                "-O3 -march=x86-64-v2",
                "-O3 -march=x86-64-v3",
                "-O3 -march=x86-64-v4 -mprefer-vector-width=512",
                "-O3 -march=sapphirerapids",
                "-O3 -march=bdver4",
                "-O2 -mcmodel=large -fcf-protection=full",
                "-O2 -mindirect-branch=thunk-inline -mfunction-return=thunk-inline -mharden-sls=all",
                "-O2 -fpatchable-function-entry=16,16 -pg -mfentry -fsanitize=undefined"
            })
    void everyInstructionThatGccWritesIsDecodedAsObjdumpDoes(String options) throws IOException {
        Path source = folder.resolve("code.c");
        // The kernel's own flags forbid floating point.
        Files.writeString(
                source,
                options.contains("NOFLOAT")
                        ? SOURCE.replaceAll("(?s)void saxpy.*?(?=void mix)", "")
                                .replaceAll("(?s)long double slow.*?(?=void far)", "")
                        : SOURCE);
        Path object = folder.resolve("code.o");
        Subprocess.Result result =
                Subprocess.of("sh", "-c", "exec gcc " + options + " -c code.c -o code.o")
                        .in(folder)
                        .run();
        assertThat(result.ok()).as(result.all()).isTrue();

        ObjdumpComparison comparison = new ObjdumpComparison();
        comparison.compare(object, folder);

        assertThat(comparison.differences()).isEmpty();
        assertThat(comparison.different()).isZero();
        assertThat(comparison.data()).isZero();
        assertThat(comparison.compared()).isGreaterThan(150);
        assertThat(comparison.bytesSwept()).isGreaterThan(500);
    }
}
