package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The server as a command. */
class ServeCommandTest {
    @TempDir private Path folder = Path.of("");
    private Cli cli = new Cli(folder);

    @BeforeEach
    void emptyCache() {
        cli = new Cli(folder).with("XDG_CACHE_HOME", folder.resolve("cache").toString());
    }

    @Test
    void whatCannotBeServedIsSaidBeforeAnythingIsMade() throws Exception {
        String data = folder.resolve("data").toString();
        String[][] wrong = {
            {"--listen", "here"},
            {"--listen", "127.0.0.1:99999"},
            {"--interval", "1"},
            {"--certificate", "a.pem"},
            {"--key", "a.pem"},
            {"--database", "mysql://a"},
            {"--database", "jdbc:postgresql://a/b?password=c"},
            {"--database", "jdbc:postgresql://a/b", "--database-password-file", "no-such-file"},
            {"token"},
            {"token", "--tag", "A B"},
            {"token", "--tag", "a", "--expires", "0"},
            {"--nonsense"},
        };
        for (String[] arguments : wrong) {
            Cli.Result result =
                    cli.run(
                            java.util.stream.Stream.concat(
                                            java.util.stream.Stream.of("serve", "--data", data),
                                            java.util.stream.Stream.of(arguments))
                                    .toArray(String[]::new));
            assertThat(result.status()).as(List.of(arguments) + result.err()).isEqualTo(2);
            assertThat(result.err()).contains("RBL-USAGE", "what to do: ");
        }
        assertThat(folder.resolve("data")).doesNotExist();
    }

    @Test
    void aDatabaseThatDoesNotAnswerIsSaidToBe() throws Exception {
        Cli.Result result =
                cli.run(
                        "serve",
                        "--data",
                        folder.resolve("data").toString(),
                        "--listen",
                        "127.0.0.1:0",
                        "--database",
                        "jdbc:postgresql://127.0.0.1:1/none");
        assertThat(result.status()).isEqualTo(5);
        assertThat(result.err()).contains("RBL-FLEET-DATABASE", "what to do: ");
    }

    @Test
    void aServerSaysWhereItIsAndTokensAreMadeBesideIt() throws Exception {
        String data = folder.resolve("data").toString();
        Process server =
                new ProcessBuilder(
                                System.getProperty("java.home") + "/bin/java",
                                "-cp",
                                System.getProperty("java.class.path"),
                                Main.class.getName(),
                                "serve",
                                "--json",
                                "--data",
                                data,
                                "--listen",
                                "127.0.0.1:0")
                        .redirectError(folder.resolve("serve.log").toFile())
                        .start();
        try (BufferedReader out = new BufferedReader(server.inputReader(StandardCharsets.UTF_8))) {
            String line = out.readLine();
            assertThat(line).as(Files.readString(folder.resolve("serve.log"))).isNotNull();
            assertThat(Cli.schemaErrors("serve", line)).isEmpty();
            JsonNode serving = JsonMapper.shared().readTree(line);
            assertThat(serving.path("setup").asString())
                    .startsWith(serving.path("url").asString() + "/setup?token=");
            Cli.Result token = cli.run("serve", "--data", data, "token", "--tag", "canary");
            assertThat(token.status()).as(token.err()).isZero();
            assertThat(token.out()).matches("rbe_[A-Za-z0-9_-]{43}\n");
            Cli.Result audit = cli.run("serve", "--data", data, "verify-audit");
            assertThat(audit.out()).matches("1 entries, the last is [0-9a-f]{64}\n");
            Cli.Result second = cli.run("serve", "--data", data, "--listen", "127.0.0.1:0");
            assertThat(second.status()).isEqualTo(5);
            assertThat(second.err()).contains("RBL-FLEET-DATA", "another rebootless serve");
        } finally {
            server.destroy();
            assertThat(server.waitFor(1, TimeUnit.MINUTES)).isTrue();
        }
        assertThat(Files.readString(folder.resolve("serve.log"))).contains("stopped");
        assertThat(folder.resolve("data/postgres/cluster/postmaster.pid")).doesNotExist();
    }
}
