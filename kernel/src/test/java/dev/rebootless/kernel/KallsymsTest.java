package dev.rebootless.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class KallsymsTest {
    private static final long BASE = 0xffffffff81000000L;

    @ParameterizedTest
    @CsvSource({
        "BEFORE_NAMES_ARE_SORTED,true", "BEFORE_NAMES_ARE_SORTED,false",
        "OFFSETS_FIRST,true", "OFFSETS_FIRST,false",
        "OFFSETS_LAST,true", "OFFSETS_LAST,false"
    })
    void tablesOfEveryEraAreDecoded(KallsymsBuilder.Era era, boolean absolutePerCpu) {
        List<KernelSymbol> symbols = symbols(1500, absolutePerCpu);

        byte[] section = new KallsymsBuilder(era, absolutePerCpu).build(symbols);

        assertThat(Kallsyms.decode(section).orElseThrow().all()).isEqualTo(symbols);
    }

    @ParameterizedTest
    @EnumSource
    void aCountThatFillsItsLastMarkerIsDecoded(KallsymsBuilder.Era era) {
        for (int count : new int[] {512, 513, 767, 768}) {
            List<KernelSymbol> symbols = symbols(count, true);
            byte[] section = new KallsymsBuilder(era, true).build(symbols);
            assertThat(Kallsyms.decode(section).orElseThrow().all()).isEqualTo(symbols);
        }
    }

    @Test
    void aSectionWithoutTablesGivesNothing() {
        assertThat(Kallsyms.decode(new byte[0])).isEmpty();
        assertThat(Kallsyms.decode(new byte[100_000])).isEmpty();
        byte[] digits =
                "0\0001\0002\0003\0004\0005\0006\0007\0008\0009\000"
                        .repeat(50_000)
                        .getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        assertThat(Kallsyms.decode(digits)).isEmpty();
    }

    @Test
    void tokensWithoutNamesAreRefused() {
        byte[] section =
                new KallsymsBuilder(KallsymsBuilder.Era.OFFSETS_FIRST, true)
                        .build(symbols(1500, true));
        // From the names on: what lies before the tokens is gone.
        Arrays.fill(section, 40, section.length / 2, (byte) 0);
        assertThatThrownBy(() -> Kallsyms.decode(section))
                .isInstanceOf(RebootlessException.class)
                .hasMessageContaining("RBL-KERNEL-KALLSYMS");
    }

    @Test
    void addressesThatDoNotRiseAreRefused() {
        List<KernelSymbol> symbols = new ArrayList<>(symbols(1500, true));
        KernelSymbol late = symbols.get(700);
        symbols.set(700, new KernelSymbol(late.name(), 'T', late.address() + 0x1000000, 700));
        byte[] section = new KallsymsBuilder(KallsymsBuilder.Era.OFFSETS_LAST, true).build(symbols);
        assertThatThrownBy(() -> Kallsyms.decode(section))
                .isInstanceOf(RebootlessException.class)
                .hasMessageContaining("no addresses that fit");
    }

    @ParameterizedTest
    @EnumSource
    void damagedTablesAreDecodedOrRefusedAndNothingElse(KallsymsBuilder.Era era) {
        byte[] section = new KallsymsBuilder(era, true).build(symbols(700, true));
        int[] decoded = new int[1];

        Mutations.Outcome outcome =
                Mutations.run(
                        section,
                        section.length,
                        3_000,
                        bytes ->
                                Kallsyms.decode(bytes)
                                        .ifPresent(found -> {
                                            found.all().forEach(s -> found.named(s.name()));
                                            decoded[0]++;
                                        }));

        assertThat(outcome.refused()).isGreaterThan(100);
        assertThat(decoded[0]).isGreaterThan(100);
        assertThat(outcome.slowest()).isLessThan(Duration.ofSeconds(5));
    }

    @Test
    void symposIsThePlaceAmongNamesakesAndZeroForAUniqueName() {
        KernelSymbols symbols = decoded();

        List<KernelSymbol> twins = symbols.named("tcp_twin");
        assertThat(twins).hasSize(3).extracting(symbols::sympos).containsExactly(1, 2, 3);
        assertThat(twins).extracting(KernelSymbol::index).isSorted();
        assertThat(symbols.sympos(symbols.unique("__sys_get0017").orElseThrow())).isZero();
        assertThat(symbols.unique("tcp_twin")).isEmpty();
        assertThat(symbols.named("no_such_symbol")).isEmpty();
        assertThatThrownBy(() -> symbols.sympos(new KernelSymbol("tcp_twin", 't', 1, 1)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void anAddressFindsItsSymbolsAndTheNextOnes() {
        KernelSymbols symbols = decoded();
        KernelSymbol seventh = symbols.unique("__sys_get0007").orElseThrow();
        KernelSymbol eighth = symbols.unique("__sys_get0008").orElseThrow();

        assertThat(symbols.at(seventh.address())).containsExactly(seventh);
        assertThat(symbols.at(seventh.address() + 1)).isEmpty();
        assertThat(symbols.containing(seventh.address() + 1)).contains(seventh);
        assertThat(symbols.containing(eighth.address() - 1)).contains(seventh);
        assertThat(symbols.nextAddressAfter(seventh.address())).hasValue(eighth.address());
        assertThat(symbols.nextAddressAfter(-1)).isEmpty();
        assertThat(symbols.nextAddressAfter(symbols.get(symbols.size() - 1).address())).isEmpty();
        assertThat(symbols.containing(-1)).contains(symbols.get(symbols.size() - 1));
    }

    @Test
    void ofSeveralAtOneAddressTheFirstContainsWhatFollows() {
        KernelSymbols symbols = decoded();
        List<KernelSymbol> aliases = symbols.at(BASE);

        assertThat(aliases).extracting(KernelSymbol::name).containsExactly("_text", "_stext");
        assertThat(symbols.containing(BASE + 3)).contains(aliases.getFirst());
        assertThat(symbols.containing(BASE)).contains(aliases.getFirst());
    }

    private static KernelSymbols decoded() {
        return Kallsyms.decode(
                        new KallsymsBuilder(KallsymsBuilder.Era.OFFSETS_LAST, true)
                                .build(symbols(1500, true)))
                .orElseThrow();
    }

    /** Names with and without tokens, namesakes, aliases, and one longer than 127 tokens. */
    private static List<KernelSymbol> symbols(int count, boolean perCpu) {
        List<KernelSymbol> symbols = new ArrayList<>();
        if (perCpu) {
            symbols.add(new KernelSymbol("__per_cpu_start", 'A', 0, 0));
            symbols.add(new KernelSymbol("cpu_number", 'A', 0x1f000, 1));
        }
        symbols.add(new KernelSymbol("_text", 'T', BASE, symbols.size()));
        symbols.add(new KernelSymbol("_stext", 'T', BASE, symbols.size()));
        while (symbols.size() < count) {
            int i = symbols.size();
            String name =
                    switch (i) {
                        case 100, 400, 450 -> "tcp_twin";
                        case 200 -> "Z".repeat(300);
                        case 300 -> "x86.constprop.0";
                        default -> "__sys_get%04d".formatted(i);
                    };
            symbols.add(new KernelSymbol(name, i % 2 == 0 ? 'T' : 't', BASE + 16L * i, i));
        }
        return symbols;
    }
}
