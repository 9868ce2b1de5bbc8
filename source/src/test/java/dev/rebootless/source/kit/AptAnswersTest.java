package dev.rebootless.source.kit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AptAnswersTest {
    private static final List<String> COMMAND = List.of("apt-cache", "show", "--", "linux-image");

    @TempDir private Path folder;

    private final AtomicInteger asked = new AtomicInteger();
    private Path list;

    @BeforeEach
    void aList() throws IOException {
        Files.createDirectories(folder.resolve("lists"));
        list = folder.resolve("lists/archive_Packages");
        Files.writeString(list, "Package: linux-image\n");
    }

    private String ask(List<String> command) {
        return new AptAnswers(
                        folder.resolve("cache/answers"),
                        List.of(folder.resolve("lists"), folder.resolve("missing")))
                .of(command, () -> "answer " + asked.incrementAndGet());
    }

    @Test
    void theSameQuestionIsAskedOnce() {
        assertThat(ask(COMMAND)).isEqualTo("answer 1");
        assertThat(ask(COMMAND)).isEqualTo("answer 1");
        assertThat(ask(List.of("apt-cache", "pkgnames", "--", "linux"))).isEqualTo("answer 2");
    }

    @Test
    void newListsAreAskedAndOldAnswersAreGone() throws IOException {
        ask(COMMAND);
        Files.setLastModifiedTime(list, FileTime.fromMillis(1_000));
        assertThat(ask(COMMAND)).isEqualTo("answer 2");
        Files.writeString(folder.resolve("lists/another"), "x");
        assertThat(ask(COMMAND)).isEqualTo("answer 3");
        try (var kept = Files.list(folder.resolve("cache/answers"))) {
            assertThat(kept).hasSize(1);
        }
    }

    @Test
    void whatCannotBeKeptIsAskedAgainAndNothingIsNotKept() throws IOException {
        Files.writeString(folder.resolve("cache"), "no folder");
        assertThat(ask(COMMAND)).isEqualTo("answer 1");
        assertThat(ask(COMMAND)).isEqualTo("answer 2");
        AptAnswers answers = new AptAnswers(folder.resolve("other"), List.of());
        assertThat(answers.of(COMMAND, () -> "")).isEmpty();
        assertThat(answers.of(COMMAND, () -> "now")).isEqualTo("now");
    }
}
