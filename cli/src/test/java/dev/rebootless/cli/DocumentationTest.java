package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What the pages point at is there: links, classes, files. */
class DocumentationTest {
    private static final Path ROOT =
            Path.of(Objects.requireNonNull(System.getProperty("rebootless.root")));

    /** {@code [text](target)} of Markdown, without web addresses. */
    private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s#:]+)(#[^)\\s]*)?\\)");

    /** A class in backticks: two or more humps, so that {@code Build} and the like do not count. */
    private static final Pattern CLASS =
            Pattern.compile("`((?:[A-Z][a-z0-9]+){2,})(?:\\.\\w+(?:\\(\\))?)?(?:\\.java)?`");

    /** A path of this repository in backticks; one with NAME in it stands for any. */
    private static final Pattern REPOSITORY_PATH =
            Pattern.compile(
                    "`((?:(?:base|elf|manifest|kernel|diff|source|livepatch|lab|host|build|cli)/src"
                            + "|docs|demo|\\.ci)/(?![^`]*NAME)[\\w./-]+)");

    /** Names of that form that are others' classes. */
    private static final Set<String> FOREIGN = Set.of("AssertJ", "BouncyCastle");

    private static final int FEWEST_PAGES = 15;
    private static final int FEWEST_CLASSES = 30;

    @Test
    void everyLinkLeadsToAFile() throws IOException {
        List<String> broken = new ArrayList<>();
        int links = 0;
        for (Path page : pages()) {
            Matcher link = LINK.matcher(Files.readString(page));
            while (link.find()) {
                links++;
                if (!Files.exists(page.resolveSibling(link.group(1)))) {
                    broken.add(ROOT.relativize(page) + ": " + link.group(1));
                }
            }
        }
        assertThat(broken).isEmpty();
        assertThat(links).isGreaterThan(FEWEST_PAGES);
    }

    @Test
    void everyClassThatAPageNamesIsInTheSources() throws IOException {
        Set<String> classes = classes();
        List<String> unknown = new ArrayList<>();
        Set<String> named = new HashSet<>();
        for (Path page : pages()) {
            Matcher name = CLASS.matcher(Files.readString(page));
            while (name.find()) {
                named.add(name.group(1));
                if (!classes.contains(name.group(1)) && !FOREIGN.contains(name.group(1))) {
                    unknown.add(ROOT.relativize(page) + ": " + name.group(1));
                }
            }
        }
        assertThat(unknown).isEmpty();
        assertThat(named).hasSizeGreaterThan(FEWEST_CLASSES);
    }

    @Test
    void everyPathOfTheRepositoryThatAPageNamesIsThere() throws IOException {
        List<String> missing = new ArrayList<>();
        for (Path page : pages()) {
            Matcher path = REPOSITORY_PATH.matcher(Files.readString(page));
            while (path.find()) {
                if (!Files.exists(ROOT.resolve(path.group(1)))) {
                    missing.add(ROOT.relativize(page) + ": " + path.group(1));
                }
            }
        }
        assertThat(missing).isEmpty();
    }

    private static List<Path> pages() throws IOException {
        List<Path> pages = Pages.all(ROOT);
        assertThat(pages).hasSizeGreaterThan(FEWEST_PAGES);
        return pages;
    }

    private static Set<String> classes() throws IOException {
        Set<String> names = new HashSet<>();
        try (Stream<Path> files = Files.walk(ROOT)) {
            files.map(f -> f.getFileName().toString())
                    .filter(name -> name.endsWith(".java"))
                    .forEach(name -> names.add(name.substring(0, name.length() - 5)));
        }
        return names;
    }
}
