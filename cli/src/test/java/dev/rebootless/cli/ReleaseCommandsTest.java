package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.cli.Cli.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code keys}, {@code publish}, {@code promote} and {@code withdraw} as a person calls them. */
class ReleaseCommandsTest {
    @TempDir Path folder = Path.of("");

    private Result run(String... arguments) throws Exception {
        return new Cli(folder).run(arguments);
    }

    @BeforeEach
    void begin() throws Exception {
        Result begun =
                run("keys", "init", "--repository", "repo", "--keys", "keys", "--online", "online");
        assertThat(begun.status()).as(begun.err()).isZero();
        assertThat(begun.out()).contains("3 keys each, of which 2 must sign");
    }

    @Test
    void aRepositoryThatIsBegunReleasesNothingAndSaysSo() throws Exception {
        Result shown = run("publish", "--repository", "repo", "--keys", "keys/release", "--json");
        assertThat(shown.status()).as(shown.err()).isZero();
        assertThat(shown.json("releases").path("releases").isEmpty()).isTrue();
        Result refreshed =
                run("keys", "refresh", "--repository", "repo", "--keys", "online", "--json");
        assertThat(refreshed.status()).as(refreshed.err()).isEqualTo(3);
        assertThat(refreshed.json("published").path("changed").asBoolean()).isFalse();
    }

    @Test
    void keysOfAnotherRepositoryAreToldFromItsOwn() throws Exception {
        Result other = run("keys", "init", "--repository", "r2", "--keys", "k2", "--online", "o2");
        assertThat(other.status()).isZero();
        Result refused =
                run(
                        "promote",
                        "x",
                        "--ring",
                        "all",
                        "--repository",
                        "repo",
                        "--keys",
                        "k2/release");
        assertThat(refused.status()).isEqualTo(4);
        assertThat(refused.err()).contains("RBL-TUF-").doesNotContain("at dev.");
    }

    @Test
    void whatIsNotReleasedIsNeitherPromotedNorWithdrawn() throws Exception {
        for (String[] command :
                new String[][] {{"promote", "fix", "--ring", "canary"}, {"withdraw", "fix"}}) {
            String[] whole = new String[command.length + 4];
            System.arraycopy(command, 0, whole, 0, command.length);
            System.arraycopy(
                    new String[] {"--repository", "repo", "--keys", "keys/release"},
                    0,
                    whole,
                    command.length,
                    4);
            Result refused = run(whole);
            assertThat(refused.status()).isEqualTo(2);
            assertThat(refused.err()).contains("RBL-RELEASE-UNKNOWN");
        }
    }

    @Test
    void anyOtherFileIsNotPublished() throws Exception {
        Path module = Files.writeString(folder.resolve("no.ko"), "no module");
        Result refused =
                run("publish", module.toString(), "--repository", "repo", "--keys", "keys/release");
        assertThat(refused.status()).isEqualTo(2);
        assertThat(refused.err()).contains("RBL-").doesNotContain("at dev.");
        assertThat(folder.resolve("repo/targets")).doesNotExist();
    }

    @Test
    void keysAreReplacedAndATimeThatIsNoneIsRefused() throws Exception {
        Result rotated =
                run(
                        "keys",
                        "rotate",
                        "release",
                        "--repository",
                        "repo",
                        "--keys",
                        "keys/root",
                        "--keys",
                        "online",
                        "--new",
                        "new");
        assertThat(rotated.status()).as(rotated.err()).isZero();
        assertThat(rotated.out()).contains("root 2 is published");
        Result wrong =
                run(
                        "promote",
                        "fix",
                        "--ring",
                        "all",
                        "--reversible-for",
                        "31d",
                        "--repository",
                        "repo",
                        "--keys",
                        "keys/release");
        assertThat(wrong.status()).isEqualTo(2);
        assertThat(wrong.err()).contains("--reversible-for");
    }
}
