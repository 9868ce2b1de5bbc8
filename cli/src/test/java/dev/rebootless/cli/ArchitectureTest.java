package dev.rebootless.cli;

import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import dev.rebootless.host.HostMain;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** The arrows between the modules, and the house rules that a machine can check. */
class ArchitectureTest {
    private static final String ROOT = "dev.rebootless.";

    /** DESIGN.md's floors, with base, which holds what all need, below them. */
    private static final List<Set<String>> FLOORS =
            List.of(
                    Set.of("base"),
                    Set.of("elf", "manifest", "trust"),
                    Set.of("kernel", "diff", "release"),
                    Set.of("source", "livepatch", "lab", "cve", "host"),
                    Set.of("build", "fleet"),
                    Set.of("cli"));

    /** So that no rule passes by seeing nothing. */
    private static final int CLASSES_AT_LEAST = 200;

    private static final JavaClasses CLASSES =
            new ClassFileImporter()
                    .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                    .importPackages("dev.rebootless");

    private static String module(JavaClass type) {
        return type.getPackageName().substring(ROOT.length()).split("\\.")[0];
    }

    private static int floor(JavaClass type) {
        for (int i = 0; i < FLOORS.size(); i++) {
            if (FLOORS.get(i).contains(module(type))) {
                return i;
            }
        }
        throw new AssertionError(type.getName() + " is in a module that stands on no floor");
    }

    @Test
    void everyModuleIsSeen() {
        Map<String, Long> classes =
                CLASSES.stream()
                        .collect(
                                Collectors.groupingBy(
                                        ArchitectureTest::module, Collectors.counting()));
        Set<String> modules = FLOORS.stream().flatMap(Set::stream).collect(Collectors.toSet());
        assertThat(classes.keySet()).isEqualTo(modules);
        assertThat(CLASSES.size()).isGreaterThan(CLASSES_AT_LEAST);
    }

    @Test
    void noArrowRunsUpOrAlongAFloor() {
        List<String> wrong = new ArrayList<>();
        for (JavaClass type : CLASSES) {
            for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
                JavaClass target = dependency.getTargetClass();
                if (target.getPackageName().startsWith(ROOT)
                        && !module(target).equals(module(type))
                        && floor(target) >= floor(type)) {
                    wrong.add(dependency.getDescription());
                }
            }
        }
        assertThat(wrong).isEmpty();
    }

    @Test
    void thereIsNoCircleBetweenPackages() {
        slices().matching("dev.rebootless.(**)").should().beFreeOfCycles().check(CLASSES);
    }

    @Test
    void everyPackageIsNullMarked() {
        Set<String> unmarked = new TreeSet<>();
        for (JavaClass type : CLASSES) {
            if (!type.getPackage().isAnnotatedWith(NullMarked.class)) {
                unmarked.add(type.getPackageName());
            }
        }
        assertThat(unmarked).isEmpty();
    }

    @Test
    void onlyTheCommandEndsTheProcess() {
        ArchRuleDefinition.noClasses()
                .that()
                .doNotHaveFullyQualifiedName(Main.class.getName())
                .and()
                .doNotHaveFullyQualifiedName(HostMain.class.getName())
                .should()
                .callMethod(System.class, "exit", int.class)
                .check(CLASSES);
    }

    @Test
    void nobodyPrintsButTheCommand() {
        ArchRuleDefinition.noClasses()
                .should()
                .accessField(System.class, "out")
                .orShould()
                .accessField(System.class, "err")
                .check(CLASSES);
    }

    @Test
    void everyPublicTypeHasADocString() throws Exception {
        List<String> bare = new ArrayList<>();
        Set<String> seen = new TreeSet<>();
        for (JavaClass type : CLASSES) {
            if (!type.getModifiers().contains(JavaModifier.PUBLIC) || type.isNestedClass()) {
                continue;
            }
            Path file =
                    Cli.root()
                            .resolve(module(type))
                            .resolve("src/main/java")
                            .resolve(type.getName().replace('.', '/') + ".java");
            seen.add(type.getName());
            List<String> lines = Files.readAllLines(file);
            int declared = declaration(lines, type.getSimpleName());
            try (Stream<String> before = lines.subList(0, declared).stream()) {
                if (before.noneMatch(line -> line.strip().endsWith("*/"))) {
                    bare.add(
                            file
                                    + ":"
                                    + (declared + 1)
                                    + ": error: a public type without a docstring");
                }
            }
        }
        assertThat(seen).hasSizeGreaterThan(50);
        assertThat(bare).isEmpty();
    }

    private static int declaration(List<String> lines, String name) {
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).startsWith("public ")
                    && lines.get(i)
                            .matches(".*\\b(class|record|interface|enum) " + name + "\\b.*")) {
                return i;
            }
        }
        throw new AssertionError("the declaration of " + name + " is not found");
    }
}
