package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What reaches a terminal. */
class ConsoleTest {
    /** Sets the title, clears the screen, goes back in the line; DEL, and CSI of the C1 set. */
    private static final String HOSTILE =
            "a\u001b]0;title\u0007\u001b[2Jb\rc\b\u0000\u007f\u009b2Jd";

    private static final String HARMLESS = "a?]0;title??[2Jb?c????2Jd";

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final Console console =
            new Console(out, new PrintStream(err, true, StandardCharsets.UTF_8));

    private static String text(ByteArrayOutputStream stream) {
        return stream.toString(StandardCharsets.UTF_8);
    }

    @Test
    void controlCharactersInAResultAreReplacedButLineEndsTabsAndLettersStay() {
        console.print("name:\t" + HOSTILE + "\n→ schön\n");
        assertThat(text(out)).isEqualTo("name:\t" + HARMLESS + "\n→ schön\n");
    }

    @Test
    void controlCharactersInMessagesStepsAndStackTracesAreReplaced() {
        console.say(HOSTILE);
        console.step(HOSTILE);
        console.progress().step(HOSTILE);
        console.problem(new Problem("RBL-KERNEL-MODULE", HOSTILE, HOSTILE, HOSTILE));
        console.stackTrace(new IllegalStateException(HOSTILE));
        assertThat(text(err).lines().filter(l -> l.contains(HARMLESS))).as(text(err)).hasSize(6);
        assertThat(text(err).chars().filter(Character::isISOControl).distinct().sorted())
                .containsExactly((int) '\t', (int) '\n');
    }

    @Test
    void aDocumentIsNotChanged() {
        Problem problem = new Problem("RBL-KERNEL-MODULE", HOSTILE, "", "none");
        Documents.Failure document = Documents.Failure.of(ExitStatus.USAGE, List.of(problem));
        console.print(document);
        assertThat(text(out)).isEqualTo(Documents.text(document));
        // As JSON has it (RFC 8259, 7).
        assertThat(text(out)).contains("\\u001B]0;title\\u0007").doesNotContain("\u001b");
    }

    @Test
    void ourOwnHelpKeepsItsColours() {
        console.textOut().print("\u001b[1mUsage\u001b[0m");
        console.flush();
        console.help("\u001b[1mUsage\u001b[0m");
        assertThat(text(out)).isEqualTo("\u001b[1mUsage\u001b[0m");
        assertThat(text(err)).contains("\u001b[1mUsage\u001b[0m");
    }
}
