package dev.rebootless.build.runpre;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.build.Build;
import dev.rebootless.diff.Item;
import dev.rebootless.diff.ObjectModel;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.kernel.KernelImage;
import dev.rebootless.livepatch.runpre.RunPre;
import dev.rebootless.livepatch.runpre.UnitMatch;
import dev.rebootless.source.compile.UnitCommand;
import dev.rebootless.source.compile.UnitCompiler;
import dev.rebootless.source.kit.Kits;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The source of another version of the same line, for the newest kernel. */
@Tag("long")
final class OlderSourceTest {
    /** Changed units that are compiled to find a function whose bytes differ. */
    private static final int MAX_TRIES = 40;

    private static final List<String> FOLDERS =
            List.of("fs", "kernel", "mm", "net/core", "net/ipv4", "block", "lib", "security");

    @TempDir private Path folder;

    private record Case(String source, String function, int brace) {}

    @Test
    void sourceOfAnotherVersionIsRefusedAndTheFunctionThatDiffersIsNamed() throws IOException {
        StockKit stock = StockKit.newest();
        Path older = olderSource(stock.kit().facts().sourceVersion());
        try (TamperedKit kit = TamperedKit.of(stock.kit())) {
            // tar(1) removes a file that is in the way before it writes: the kit keeps its own.
            TamperedKit.run(
                    "sh",
                    "-c",
                    "dpkg-deb --fsys-tarfile \"$1\" | tar -xO --wildcards -f - './usr/src/linux-source-*.tar.xz'"
                            + " | tar -xJ --strip-components=1 -C \"$2\" -f -",
                    "sh",
                    older.toString(),
                    kit.kit().tree().toString());
            Case found =
                    changed(stock, kit).stream()
                            .limit(MAX_TRIES)
                            .flatMap(source -> differing(stock, kit, source).stream())
                            .findFirst()
                            .orElseThrow();
            System.out.println("older source: " + older.getFileName() + ", " + found);
            Path patch =
                    Patches.insertBehind(
                            kit.kit().tree(),
                            found.source(),
                            found.brace(),
                            "\tasm volatile(\"nop\");",
                            folder);

            RebootlessException refused =
                    catchThrowableOfType(
                            RebootlessException.class,
                            () ->
                                    new Build(kit.kit(), Progress.SILENT, false)
                                            .explain(List.of(patch)));

            assertThat(refused).as("a refusal").isNotNull();
            assertThat(refused.status()).isEqualTo(ExitStatus.REFUSED);
            assertThat(refused.problems())
                    .anySatisfy(problem -> {
                        assertThat(problem.code()).isEqualTo("RBL-RUN-PRE");
                        assertThat(problem.place()).isEqualTo(found.function());
                        assertThat(problem.message()).contains("is not the shipped code");
                    });
        }
    }

    /** The newest source package of the line that is another upstream version; looked up. */
    private static Path olderSource(String version) throws IOException {
        String upstream = version.replaceFirst("-[^-]*$", "");
        String older =
                Subprocess.of("apt-cache", "madison", "linux-source-6.1")
                        .run()
                        .out()
                        .lines()
                        .map(line -> line.split("\\|")[1].strip())
                        .filter(v -> !v.replaceFirst("-[^-]*$", "").equals(upstream))
                        .findFirst()
                        .orElseThrow(() ->
                                new IllegalStateException(
                                        "apt serves no other version of linux-source-6.1"));
        Path packages = Files.createDirectories(Kits.userCache().resolve("test-packages"));
        Path deb = packages.resolve("linux-source-6.1_" + older + "_all.deb");
        if (!Files.exists(deb)) {
            Path aside = Files.createTempDirectory(packages, ".download-");
            Subprocess.Result result =
                    Subprocess.of("apt-get", "download", "--quiet", "linux-source-6.1=" + older)
                            .in(aside)
                            .deadline(Duration.ofMinutes(15))
                            .run();
            assertThat(result.ok()).as(result.all()).isTrue();
            Files.move(aside.resolve(deb.getFileName()), deb, StandardCopyOption.ATOMIC_MOVE);
            Files.delete(aside);
        }
        return deb;
    }

    /** Sources that differ between the two versions, smallest first. */
    private static List<String> changed(StockKit stock, TamperedKit kit) {
        Path tree = stock.kit().tree();
        return FOLDERS.stream()
                .flatMap(f -> {
                    try (Stream<Path> files = Files.list(tree.resolve(f))) {
                        return files.filter(p -> p.toString().endsWith(".c")).toList().stream();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                })
                .map(p -> tree.relativize(p).toString())
                .filter(source -> {
                    try {
                        Path other = kit.file(source);
                        return Files.exists(other)
                                && Files.mismatch(tree.resolve(source), other) >= 0;
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                })
                .sorted(Comparator.comparingLong(source -> tree.resolve(source).toFile().length()))
                .toList();
    }

    /** A function of the older unit that is not the shipped one, and where its body begins. */
    private static Optional<Case> differing(StockKit stock, TamperedKit kit, String source) {
        Optional<UnitCommand> unit = stock.commands().find(source);
        if (unit.isEmpty() || !unit.get().inVmlinux()) {
            return Optional.empty();
        }
        UnitCompiler compiler = StockKit.compiler(kit.kit());
        KernelImage image = stock.image();
        ObjectModel older = ObjectModel.of(ElfReader.read(compiler.shippedLayout(unit.get())));
        UnitMatch match = RunPre.match(older, image);
        return older.items().stream()
                .filter(StockKit::isNamedFunction)
                .filter(i -> i.section().name().equals(".text") && !stock.isOverridden(i))
                .filter(i -> match.mismatch(i).filter(m -> m.offset() >= 0).isPresent())
                .flatMap(i -> {
                    OptionalInt brace = bodyOf(kit.file(source), i);
                    return brace.isEmpty()
                            ? Stream.empty()
                            : Stream.of(new Case(source, i.name(), brace.getAsInt()));
                })
                .findFirst();
    }

    /** The index of the line with the brace that opens a function's body. */
    private static OptionalInt bodyOf(Path file, Item function) {
        try {
            List<String> lines = Files.readAllLines(file, StandardCharsets.ISO_8859_1);
            Pattern head =
                    Pattern.compile("^[a-z].*\\b" + Pattern.quote(function.name()) + "\\(.*[^;]$");
            return IntStream.range(0, lines.size())
                    .filter(i -> head.matcher(lines.get(i)).matches())
                    .flatMap(i ->
                            IntStream.range(i + 1, Math.min(i + 6, lines.size()))
                                    .filter(j -> lines.get(j).equals("{"))
                                    .limit(1))
                    .findFirst();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
