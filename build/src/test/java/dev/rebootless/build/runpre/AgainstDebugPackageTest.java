package dev.rebootless.build.runpre;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.diff.Extraction;
import dev.rebootless.diff.Item;
import dev.rebootless.diff.ItemKind;
import dev.rebootless.diff.ObjectModel;
import dev.rebootless.elf.ElfHeader;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.kernel.KernelSymbol;
import dev.rebootless.livepatch.OtherUnits;
import dev.rebootless.livepatch.Resolution;
import dev.rebootless.livepatch.SymbolResolver;
import dev.rebootless.livepatch.runpre.RunPre;
import dev.rebootless.livepatch.runpre.UnitMatch;
import dev.rebootless.source.kit.Kits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The symbol table of the -dbg package, which no build uses, says which unit each static symbol
 * belongs to: what the resolver says must be the same.
 */
@Tag("long")
final class AgainstDebugPackageTest {
    private static final StockKit KIT = StockKit.newest();

    private static final List<String> UNITS =
            List.of(
                    "kernel/fork.c",
                    "net/ipv4/tcp_input.c",
                    "fs/namei.c",
                    "mm/vmscan.c",
                    "mm/memcontrol.c",
                    "net/ipv4/tcp_ipv4.c",
                    "net/core/dev.c",
                    "fs/exec.c",
                    "kernel/signal.c");

    /** Address of a unit's local symbol, by the unit's file name and the symbol's. */
    private static final Map<String, Map<String, Set<Long>>> LOCALS = new HashMap<>();

    private static final Map<String, Set<Long>> GLOBALS = new HashMap<>();

    @BeforeAll
    static void readTheSymbolTable() throws IOException {
        Path table = Files.createTempFile("dbg-symbols-", ".txt");
        TamperedKit.run(
                "sh",
                "-c",
                "readelf -W -s \"$1\" > \"$2\"",
                "sh",
                vmlinux().toString(),
                table.toString());
        try (Stream<String> lines = Files.lines(table)) {
            String[] file = {""};
            lines.map(l -> l.strip().split("\\s+"))
                    .filter(w -> w.length == 8 && w[0].matches("\\d+:"))
                    .forEach(w -> {
                        if (w[3].equals("FILE")) {
                            file[0] = w[7];
                        } else if (w[4].equals("LOCAL")) {
                            LOCALS.computeIfAbsent(file[0], k -> new HashMap<>())
                                    .computeIfAbsent(w[7], k -> new HashSet<>())
                                    .add(Long.parseUnsignedLong(w[1], 16));
                        } else {
                            GLOBALS.computeIfAbsent(w[7], k -> new HashSet<>())
                                    .add(Long.parseUnsignedLong(w[1], 16));
                        }
                    });
        } finally {
            Files.delete(table);
        }
        assertThat(GLOBALS).hasSizeGreaterThan(10_000);
    }

    private static Path vmlinux() throws IOException {
        String release = KIT.kit().facts().release();
        Path packages = Files.createDirectories(Kits.userCache().resolve("test-packages"));
        String name =
                "linux-image-%s-dbg_%s_amd64"
                        .formatted(release, KIT.kit().facts().packageVersion());
        Path vmlinux = packages.resolve(name).resolve("usr/lib/debug/boot/vmlinux-" + release);
        if (Files.exists(vmlinux)) {
            return vmlinux;
        }
        Path deb = packages.resolve(name + ".deb");
        Path aside = Files.createTempDirectory(packages, ".download-");
        try {
            if (!Files.exists(deb)) {
                Subprocess.Result result =
                        Subprocess.of(
                                        "apt-get",
                                        "download",
                                        "--quiet",
                                        "linux-image-%s-dbg=%s"
                                                .formatted(
                                                        release,
                                                        KIT.kit().facts().packageVersion()))
                                .in(aside)
                                .deadline(Duration.ofMinutes(15))
                                .run();
                assertThat(result.ok()).as(result.all()).isTrue();
                Files.move(aside.resolve(deb.getFileName()), deb, StandardCopyOption.ATOMIC_MOVE);
            }
            TamperedKit.run(
                    "sh",
                    "-c",
                    "dpkg-deb --fsys-tarfile \"$1\" | tar -x -C \"$2\" -f - --strip-components=5"
                            + " \"./usr/lib/debug/boot/vmlinux-$3\"",
                    "sh",
                    deb.toString(),
                    aside.toString(),
                    release);
            Files.createDirectories(vmlinux.getParent());
            Files.move(
                    aside.resolve("vmlinux-" + release), vmlinux, StandardCopyOption.ATOMIC_MOVE);
            return vmlinux;
        } finally {
            AtomicFiles.removeTree(aside);
        }
    }

    /** What the symbol table says of something that the unit defines. */
    private static Set<Long> expected(String unit, ElfSymbol symbol) {
        String file = unit.substring(unit.lastIndexOf('/') + 1);
        return symbol.isLocal()
                ? LOCALS.getOrDefault(file, Map.of()).getOrDefault(symbol.name(), Set.of())
                : GLOBALS.getOrDefault(symbol.name(), Set.of());
    }

    @Test
    void whatIsProvenIsWhereTheSymbolTableSays() {
        int compared = 0;
        List<String> wrong = new ArrayList<>();
        for (String unit : UNITS) {
            UnitMatch match = RunPre.match(KIT.original(unit), KIT.image());
            for (Map.Entry<Item, Long> entry : match.addresses().entrySet()) {
                ElfSymbol symbol = entry.getKey().symbols().getFirst();
                Set<Long> there = expected(unit, symbol);
                compared++;
                if (!there.contains(entry.getValue())) {
                    wrong.add(
                            "%s: %s at 0x%x, not %s"
                                    .formatted(unit, symbol.name(), entry.getValue(), there));
                }
            }
        }
        System.out.println(compared + " addresses compared");
        assertThat(compared).isGreaterThan(1_000);
        assertThat(wrong).isEmpty();
    }

    /**
     * As if a patch referred newly to everything that the unit defines: what is resolved at all is
     * this unit's, and never a namesake in another.
     */
    @Test
    void everyResolvedReferenceIsTheUnitsOwnSymbol() {
        int resolved = 0;
        int severalOfTheName = 0;
        Map<String, Integer> refused = new LinkedHashMap<>();
        List<String> wrong = new ArrayList<>();
        for (String unit : UNITS) {
            ObjectModel model = KIT.original(unit);
            UnitMatch match = RunPre.match(model, KIT.image());
            for (Item item : model.items()) {
                boolean named = item.kind() == ItemKind.FUNCTION || item.kind() == ItemKind.DATA;
                if (!named || item.symbols().isEmpty()) {
                    continue;
                }
                ElfSymbol symbol = item.symbols().getFirst();
                try {
                    if (!(resolve(model, symbol, match) instanceof Resolution.Klp klp)) {
                        continue;
                    }
                    resolved++;
                    List<KernelSymbol> all = KIT.image().symbols().named(klp.name());
                    severalOfTheName += all.size() > 1 ? 1 : 0;
                    long address = all.get(Math.max(0, klp.sympos() - 1)).address();
                    if (!expected(unit, symbol).contains(address)) {
                        wrong.add("%s: %s is %s".formatted(unit, symbol.name(), klp));
                    }
                } catch (RebootlessException e) {
                    refused.merge(e.problems().getFirst().code(), 1, Integer::sum);
                }
            }
        }
        System.out.printf(
                "%d references resolved, %d of names that occur more than once; refused: %s%n",
                resolved, severalOfTheName, refused);
        assertThat(resolved).isGreaterThan(500);
        assertThat(severalOfTheName).isGreaterThan(10);
        assertThat(wrong).isEmpty();
    }

    private static Resolution resolve(ObjectModel model, ElfSymbol symbol, UnitMatch match) {
        ElfSymbol undefined = ElfSymbol.undefined(symbol.name());
        ElfObject object =
                ElfObject.of(
                        ElfHeader.x86Relocatable(),
                        List.of(),
                        List.of(undefined),
                        List.of(),
                        List.of(),
                        Map.of());
        return java.util.Objects.requireNonNull(
                SymbolResolver.resolve(
                                new Extraction(
                                        object, List.of(), Map.of(undefined, symbol), Map.of()),
                                model,
                                match,
                                KIT.kernel(),
                                "vmlinux",
                                OtherUnits.none())
                        .get(undefined));
    }
}
