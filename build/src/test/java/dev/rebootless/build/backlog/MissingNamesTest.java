package dev.rebootless.build.backlog;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Problem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The errors are gcc's own. */
class MissingNamesTest {
    @TempDir private Path folder;

    private List<String> missing(String locale, String source) throws Exception {
        Path unit = folder.resolve("unit.c");
        Files.writeString(unit, source);
        ProcessBuilder gcc =
                new ProcessBuilder(
                                "gcc-12",
                                "-Werror",
                                "-Wall",
                                "-c",
                                "-o",
                                "/dev/null",
                                unit.toString())
                        .redirectErrorStream(true);
        gcc.environment().put("LC_ALL", locale);
        Process process = gcc.start();
        String errors =
                new String(
                        process.getInputStream().readAllBytes(),
                        java.nio.charset.StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isNotZero();
        return List.copyOf(
                MissingNames.of(List.of(new Problem("RBL-COMPILE", "unit.c", errors, "mend it"))));
    }

    @Test
    void whatAnotherDeclarationWouldMendIsNamedInEitherKindOfQuotationMarks() throws Exception {
        for (String locale : List.of("C", "C.UTF-8")) {
            assertThat(missing(locale, "int f(void) { return new_helper(1); }\n"))
                    .contains("new_helper");
            assertThat(missing(locale, "int f(void) { return NEW_FLAG; }\n")).contains("NEW_FLAG");
            assertThat(
                            missing(
                                    locale,
                                    "struct s { int a; };\nint f(struct s *s) { return s->b; }\n"))
                    .contains("b");
            assertThat(missing(locale, "int f(new_type t);\n")).contains("new_type");
            assertThat(missing(locale, "int f(void) { class_quiet_t t; return 1; }\n"))
                    .contains("quiet");
            assertThat(missing(locale, "int g(int a);\nint f(void) { return g(1, 2); }\n"))
                    .contains("g");
            assertThat(missing(locale, "int f(struct s *s) { return s->a; }\n")).contains("s");
        }
    }

    @Test
    void aPlainMistakeNamesNothing() throws Exception {
        assertThat(missing("C", "int f(void) { return 1 }\n")).isEmpty();
    }

    @Test
    void otherRefusalsNameNothing() {
        assertThat(
                        MissingNames.of(
                                List.of(
                                        new Problem(
                                                "RBL-TYPE-LAYOUT",
                                                "x",
                                                "‘foo’ undeclared",
                                                "reboot"))))
                .isEmpty();
    }
}
