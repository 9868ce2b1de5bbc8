package dev.rebootless.build.runpre;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.diff.Item;
import dev.rebootless.diff.ObjectModel;
import dev.rebootless.livepatch.runpre.RunPre;
import dev.rebootless.source.compile.UnitCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Units rebuilt from the distribution's source are the shipped code, function by function. */
final class RunPreOverRealUnitsTest {
    private final StockKit kit = StockKit.newest();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "fs/proc/meminfo.c",
                "kernel/fork.c",
                "net/ipv4/tcp_input.c",
                "fs/exec.c",
                "mm/vmscan.c",
                "fs/namei.c",
                "security/security.c"
            })
    void everyFunctionIsProvenButWeakOnesThatAStrongOneOverrides(String unit) {
        StockKit.Verdict verdict = kit.matchAll(unit);

        assertThat(verdict.functions()).isPositive();
        assertThat(verdict.unproven())
                .allSatisfy(function ->
                        assertThat(kit.isOverridden(function))
                                .as("%s is weak and overridden", function.name())
                                .isTrue());
    }

    @ParameterizedTest
    @ValueSource(strings = {"kernel/fork.c"})
    void aWeakFunctionThatTheArchitectureOverridesIsNotProven(String unit) {
        StockKit.Verdict verdict = kit.matchAll(unit);

        assertThat(verdict.unproven()).extracting(Item::name).contains("arch_dup_task_struct");
    }

    /** An overridden function is refused for what it is, even if both definitions had one code. */
    @Test
    void aWeakFunctionIsNotTakenForTheStrongOneOfItsName() {
        ObjectModel model = kit.original("kernel/fork.c");
        Item weak =
                model.items().stream()
                        .filter(i -> i.isFunction() && i.name().equals("arch_dup_task_struct"))
                        .findFirst()
                        .orElseThrow();

        assertThat(RunPre.match(model, kit.image()).mismatch(weak))
                .hasValueSatisfying(m ->
                        assertThat(m.reason()).contains("the strong function of another unit"));
    }

    @Tag("long")
    @ParameterizedTest
    @ValueSource(strings = {"net/core", "mm", "fs/proc", "security", "block", "kernel/time"})
    void everyBuiltInUnitOfASubsystemIsProven(String folder) throws IOException {
        int units = 0;
        int functions = 0;
        int overridden = 0;
        List<String> unproven = new ArrayList<>();
        for (String source : sources(folder)) {
            Optional<UnitCommand> unit = kit.commands().find(source);
            if (unit.isEmpty() || !unit.get().inVmlinux()) {
                continue;
            }
            StockKit.Verdict verdict = kit.matchAll(source);
            units++;
            functions += verdict.functions();
            for (Item function : verdict.unproven()) {
                if (kit.isOverridden(function)) {
                    overridden++;
                } else {
                    unproven.add(source + ": " + function.name());
                }
            }
        }
        System.out.printf(
                "%s: %d units, %d functions, %d weak ones overridden, %d unproven %s%n",
                folder, units, functions, overridden, unproven.size(), unproven);
        assertThat(units).isPositive();
        assertThat(unproven).isEmpty();
    }

    private List<String> sources(String folder) throws IOException {
        Path tree = kit.kit().tree();
        try (Stream<Path> files = Files.list(tree.resolve(folder))) {
            return files.filter(f -> f.toString().endsWith(".c"))
                    .map(f -> tree.relativize(f).toString())
                    .sorted()
                    .toList();
        }
    }
}
