package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.ExitStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code docs/refusals.md} has every code of the main sources and scripts, and no other. */
class RefusalCodesDocumentedTest {
    private static final Path ROOT =
            Path.of(Objects.requireNonNull(System.getProperty("rebootless.root")));

    private static final Path PAGE = ROOT.resolve("docs/refusals.md");

    /** A code as a string of its own: what a {@code Problem} is made with. */
    private static final Pattern LITERAL = Pattern.compile("\"(RBL-[A-Z0-9]+(?:-[A-Z0-9]+)*)\"");

    /** A code wherever a page mentions it. */
    private static final Pattern MENTION = Pattern.compile("RBL-[A-Z0-9]+(?:-[A-Z0-9]+)*");

    /** A row of the page: code, exit status, meaning, remedy. */
    private static final Pattern ROW =
            Pattern.compile("\\| `(RBL-[A-Z0-9-]+)` \\| (\\d+) \\| (\\S.*) \\| (\\S.*) \\|");

    /** So that looking into the wrong folder does not pass; there were 170 files and 90 codes. */
    private static final int FEWEST_FILES = 120;

    private static final int FEWEST_CODES = 80;

    @Test
    void everyCodeOfTheSourcesHasARow() throws IOException {
        SortedMap<String, Path> codes = codesInSources();

        assertThat(codes).hasSizeGreaterThan(FEWEST_CODES);
        codes.keySet().removeAll(rows().keySet());
        assertThat(codes).as("codes without a row in docs/refusals.md").isEmpty();
    }

    @Test
    void everyRowHasItsCodeInTheSources() throws IOException {
        TreeSet<String> rows = new TreeSet<>(rows().keySet());

        rows.removeAll(codesInSources().keySet());
        assertThat(rows).as("rows in docs/refusals.md whose code is gone").isEmpty();
    }

    @Test
    void everyRowHasAnExitStatusOfTheContract() throws IOException {
        List<Integer> statuses = Arrays.stream(ExitStatus.values()).map(ExitStatus::code).toList();

        assertThat(rows().values()).isSubsetOf(statuses);
    }

    @Test
    void everyLineThatStartsLikeARowIsOne() throws IOException {
        assertThat(Files.readAllLines(PAGE))
                .filteredOn(line -> line.startsWith("| `RBL-"))
                .isNotEmpty()
                .allMatch(line -> ROW.matcher(line).matches());
    }

    @Test
    void everyCodeThatAnotherPageMentionsHasARow() throws IOException {
        Map<String, Integer> rows = rows();
        List<String> unknown = new ArrayList<>();
        for (Path page : Pages.all(ROOT)) {
            Matcher matcher = MENTION.matcher(Files.readString(page));
            while (matcher.find()) {
                if (!rows.containsKey(matcher.group())) {
                    unknown.add(ROOT.relativize(page) + ": " + matcher.group());
                }
            }
        }
        assertThat(unknown).isEmpty();
    }

    /** Each code with its exit status; a code may stand only once. */
    private static SortedMap<String, Integer> rows() throws IOException {
        SortedMap<String, Integer> rows = new TreeMap<>();
        for (String line : Files.readAllLines(PAGE)) {
            Matcher row = ROW.matcher(line);
            if (row.matches()) {
                assertThat(rows.put(row.group(1), Integer.valueOf(row.group(2))))
                        .as("%s has two rows", row.group(1))
                        .isNull();
            }
        }
        return rows;
    }

    /** Each code with a file that has it. */
    private static SortedMap<String, Path> codesInSources() throws IOException {
        SortedMap<String, Path> codes = new TreeMap<>();
        List<Path> sources = mainSources();
        assertThat(sources).hasSizeGreaterThan(FEWEST_FILES);
        for (Path source : sources) {
            Matcher matcher = LITERAL.matcher(Files.readString(source));
            while (matcher.find()) {
                codes.put(matcher.group(1), ROOT.relativize(source));
            }
        }
        for (Path script : scripts()) {
            Matcher matcher = MENTION.matcher(Files.readString(script));
            while (matcher.find()) {
                codes.put(matcher.group(), ROOT.relativize(script));
            }
        }
        return codes;
    }

    /** The scripts that say something with a code before there is a Java machine to say it. */
    private static List<Path> scripts() throws IOException {
        List<Path> scripts = new ArrayList<>();
        for (Path folder : List.of(ROOT, ROOT.resolve("script"))) {
            if (Files.isDirectory(folder)) {
                try (Stream<Path> files = Files.list(folder)) {
                    files.filter(Files::isRegularFile)
                            .filter(f -> !folder.equals(ROOT) || f.endsWith("rebootless"))
                            .sorted()
                            .forEach(scripts::add);
                }
            }
        }
        return scripts;
    }

    /** The Java files of all modules, without their tests. */
    static List<Path> mainSources() throws IOException {
        List<Path> sources = new ArrayList<>();
        try (Stream<Path> modules = Files.list(ROOT)) {
            for (Path module : modules.sorted().toList()) {
                Path main = module.resolve("src/main/java");
                if (Files.isDirectory(main)) {
                    try (Stream<Path> files = Files.walk(main)) {
                        files.filter(f -> f.toString().endsWith(".java")).forEach(sources::add);
                    }
                }
            }
        }
        return sources;
    }
}
