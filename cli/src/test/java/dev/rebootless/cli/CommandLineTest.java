package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** What needs no kit: the command line itself, and diff. */
class CommandLineTest {
    @TempDir private Path folder = Path.of("");
    private Cli cli = new Cli(folder);

    @BeforeEach
    void emptyCache() {
        cli = new Cli(folder).with("XDG_CACHE_HOME", folder.resolve("cache").toString());
    }

    @Test
    void withoutACommandTheHelpIsShownOnStandardErrorAndTheStatusIsUsage() throws Exception {
        Cli.Result result = cli.run();
        assertThat(result.status()).isEqualTo(2);
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).contains("Usage: rebootless").contains("rebootless build");
    }

    @ParameterizedTest
    @ValueSource(strings = {"sign", "verify"})
    void commandsThatAreNotServedYetAreUnknown(String command) throws Exception {
        Cli.Result result = cli.run(command);
        assertThat(result.status()).isEqualTo(2);
        assertThat(result.err()).contains("RBL-USAGE").contains("'" + command + "'");
    }

    /**
     * They are the same here as in the host's own package, and need a host that this may not be.
     */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "load",
                "unload",
                "cancel",
                "list",
                "status",
                "install",
                "uninstall",
                "boot"
            })
    void theHostsCommandsHaveTheirOwnHelp(String command) throws Exception {
        Cli.Result result = cli.run(command, "--help");
        assertThat(result.status()).isZero();
        assertThat(result.out()).startsWith("usage: rebootless load MODULE.ko");
        Cli.Result wrong = cli.run(command, "--nonsense");
        assertThat(wrong.status()).isEqualTo(2);
        assertThat(wrong.err()).contains("RBL-USAGE").contains("'--nonsense'");
    }

    /** What it does on a host is in a guest's tests. */
    @Test
    void aFixThatIsAskedForWronglyIsSaidToBeBeforeTheHostIsLookedAt() throws Exception {
        Path patch = Files.writeString(folder.resolve("fix.patch"), "no patch\n");
        assertThat(cli.run("fix", "--help").out()).contains("--patch", "--dry-run", "--no-install");
        String[][] wrong = {
            {"fix"},
            {"fix", "CVE-2099-0001", "--patch", "no-such.patch"},
            {"fix", "CVE-99-1", "--patch", patch.toString()},
            {"fix", "CVE-2099-0001", "--patch", patch.toString(), "--timeout", "0"},
            {"fix", "CVE-2099-0001", "--patch", patch.toString(), "--watch", "-1"},
        };
        for (String[] arguments : wrong) {
            Cli.Result result = cli.run(arguments);
            assertThat(result.status()).as(result.err()).isEqualTo(2);
            assertThat(result.err()).containsPattern("RBL-(USAGE|FILE|CVE-ID): .*\n  what to do: ");
        }
    }

    @Test
    void feedsAreNoUseToExplainAPatch() throws Exception {
        Path patch = Files.writeString(folder.resolve("fix.patch"), "no patch\n");
        Cli.Result result = cli.run("explain", patch.toString(), "--feed", "f", "--to", "6.1.9-1");
        assertThat(result.status()).isEqualTo(2);
        assertThat(result.err()).contains("RBL-USAGE: --to, --feed: ", "what to do: ");
    }

    @Test
    void helpAndVersionAreResultsAndGoToStandardOutput() throws Exception {
        Cli.Result version = cli.run("--version");
        assertThat(version.status()).isZero();
        assertThat(version.out()).isEqualTo("rebootless 0.1.0\n");
        Cli.Result help = cli.run("build", "--help");
        assertThat(help.status()).isZero();
        assertThat(help.err()).isEmpty();
        assertThat(help.out())
                .contains("--kernel", "--check", "--no-test", "--no-replace", "--cve", "--name");
    }

    @Test
    void aWrongOptionWithJsonIsOneFailureDocument() throws Exception {
        Cli.Result result = cli.run("diff", "--json", "--nonsense", "a.o", "b.o");
        assertThat(result.status()).isEqualTo(2);
        JsonNode failure = result.json("failure");
        assertThat(failure.path("exitStatus").asInt()).isEqualTo(2);
        assertThat(failure.path("problems").path(0).path("code").asString()).isEqualTo("RBL-USAGE");
    }

    private static final String UNIT =
            """
            extern int other(int);
            static int count;
            int limit = 4;
            int touched(int a) { return other(a) + count++ + limit; }
            int untouched(int a) { return other(a) - 1; }
            """;

    @Test
    void aPairThatDiffersInOneFunctionIsChangedAndTheObjectIsWritten() throws Exception {
        Path original = Cli.compile(folder, "a.o", UNIT);
        Path patched = Cli.compile(folder, "b.o", UNIT.replace("count++", "count++ * 2"));
        Path out = folder.resolve("out.o");
        Cli.Result result =
                cli.run(
                        "diff",
                        "--json",
                        original.toString(),
                        patched.toString(),
                        "-o",
                        out.toString());
        assertThat(result.status()).isZero();
        JsonNode document = result.json("diff");
        assertThat(document.path("verdict").asString()).isEqualTo("changed");
        assertThat(document.path("changed").toString()).isEqualTo("[\"touched\"]");
        assertThat(document.path("refusals").size()).isZero();
        assertThat(out).isRegularFile();
        Cli.Result text = cli.run("diff", original.toString(), patched.toString());
        assertThat(text.out()).isEqualTo("changed\nchanged: touched\n");
    }

    @Test
    void anEqualPairIsUnchangedAndNothingIsWritten() throws Exception {
        Path original = Cli.compile(folder, "a.o", UNIT);
        Path patched = Cli.compile(folder, "b.o", "\n\n" + UNIT);
        Path out = folder.resolve("out.o");
        Cli.Result result =
                cli.run(
                        "diff",
                        "--json",
                        original.toString(),
                        patched.toString(),
                        "-o",
                        out.toString());
        assertThat(result.status()).isEqualTo(3);
        assertThat(result.json("diff").path("verdict").asString()).isEqualTo("unchanged");
        assertThat(out).doesNotExist();
    }

    @Test
    void changedDataIsRefusedWithItsListsFilledAndNothingIsWritten() throws Exception {
        Path original = Cli.compile(folder, "a.o", UNIT);
        Path patched =
                Cli.compile(
                        folder,
                        "b.o",
                        UNIT.replace("limit = 4", "limit = 5").replace("- 1", "- 2"));
        Path out = folder.resolve("out.o");
        Cli.Result result =
                cli.run(
                        "diff",
                        "--json",
                        original.toString(),
                        patched.toString(),
                        "-o",
                        out.toString());
        assertThat(result.status()).isEqualTo(4);
        JsonNode document = result.json("diff");
        assertThat(document.path("verdict").asString()).isEqualTo("refused");
        assertThat(document.path("changed").toString()).isEqualTo("[\"untouched\"]");
        assertThat(document.path("data").toString()).isEqualTo("[\"limit\"]");
        JsonNode refusal = document.path("refusals").path(0);
        assertThat(refusal.path("code").asString()).isEqualTo("RBL-DATA-CHANGED");
        assertThat(refusal.path("symbol").asString()).isEqualTo("limit");
        assertThat(result.err()).contains("RBL-DATA-CHANGED: limit").contains("what to do:");
        assertThat(out).doesNotExist();
    }

    @Test
    void garbageInsteadOfAnObjectIsAUsageErrorThatNamesTheFile() throws Exception {
        Path good = Cli.compile(folder, "a.o", UNIT);
        Path garbage = Files.writeString(folder.resolve("garbage.o"), "no object at all");
        Path truncated =
                Files.write(
                        folder.resolve("truncated.o"),
                        java.util.Arrays.copyOf(Files.readAllBytes(good), 500));
        for (Path bad : new Path[] {garbage, truncated}) {
            Cli.Result result = cli.run("diff", "--json", good.toString(), bad.toString());
            assertThat(result.status()).isEqualTo(2);
            JsonNode problem = result.json("failure").path("problems").path(0);
            assertThat(problem.path("code").asString()).isEqualTo("RBL-ELF");
            assertThat(problem.path("place").asString()).isEqualTo(bad.toString());
            assertThat(result.err()).doesNotContain("\tat ");
        }
        assertThat(cli.run("inspect", garbage.toString()).status()).isEqualTo(2);
    }

    @Test
    void aModuleCannotWriteToTheTerminalThatItIsInspectedOn() throws Exception {
        Path module =
                Cli.compile(
                        folder,
                        "evil.ko",
                        """
                        static const char info[] __attribute__((section(".modinfo"), used)) =
                                "name=evil\\033]0;owned\\007\\033[2J\\0vermagic=6.1.0-9 SMP";
                        """);
        Cli.Result result = cli.run("inspect", module.toString());
        assertThat(result.status()).as(result.err()).isZero();
        assertThat(result.out()).contains("evil?]0;owned??[2J");
        assertThat(result.out().chars().filter(c -> c != '\n').noneMatch(Character::isISOControl))
                .isTrue();
        JsonNode document = cli.run("inspect", "--json", module.toString()).json("inspect");
        assertThat(document.path("name").asString()).isEqualTo("evil\u001b]0;owned\u0007\u001b[2J");
    }

    @Test
    void aFileThatIsNotThereIsNamed() throws Exception {
        Cli.Result result = cli.run("build", "no-such.patch", "--no-test");
        assertThat(result.status()).isEqualTo(2);
        assertThat(result.err()).contains("RBL-FILE: no-such.patch: is not there");
    }

    @Test
    void aFullDiskIsTheEnvironmentsFault() throws Exception {
        Path original = Cli.compile(folder, "a.o", UNIT);
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-cp",
                                System.getProperty("java.class.path"),
                                Main.class.getName(),
                                "diff",
                                original.toString(),
                                original.toString())
                        .redirectOutput(Path.of("/dev/full").toFile())
                        .redirectError(cli.stderr().toFile())
                        .start();
        assertThat(process.waitFor()).isEqualTo(5);
        assertThat(Files.readString(cli.stderr())).contains("RBL-DISK");
    }

    @Test
    void withoutKitsTheListIsEmptyAndShowSaysWhatToDo() throws Exception {
        Cli.Result list = cli.run("kit", "list", "--json");
        assertThat(list.status()).isZero();
        assertThat(list.json("kits").path("kits").size()).isZero();
        Cli.Result show = cli.run("kit", "show", "6.1.0-1-cloud-amd64");
        assertThat(show.status()).isEqualTo(5);
        assertThat(show.err()).contains("RBL-KIT-UNKNOWN").contains("rebootless kit add");
    }

    @Test
    void somethingThatIsNoReleaseIsAUsageError() throws Exception {
        Cli.Result result = cli.run("kit", "add", "../../etc");
        assertThat(result.status()).isEqualTo(2);
        assertThat(result.err()).contains("RBL-KERNEL-RELEASE").contains("uname -r");
    }

    /** A package with no content but its control data. */
    private void emptyPackage(String name, String version) throws Exception {
        Path root = Files.createDirectories(folder.resolve("root"));
        Files.writeString(
                Files.createDirectories(root.resolve("DEBIAN")).resolve("control"),
                "Package: %s\nVersion: %s\nArchitecture: amd64\nSource: linux\n"
                                .formatted(name, version)
                        + "Maintainer: Nobody <nobody@example.org>\nDescription: test\n");
        Path deb =
                Files.createDirectories(folder.resolve("debs"))
                        .resolve(name + "_" + version + "_amd64.deb");
        Process dpkg =
                new ProcessBuilder("dpkg-deb", "--nocheck", "-b", root.toString(), deb.toString())
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("dpkg.txt").toFile())
                        .start();
        assertThat(dpkg.waitFor()).as(Files.readString(folder.resolve("dpkg.txt"))).isZero();
    }

    @Test
    void aFolderOfPackagesSaysByItselfWhichKernelItIsFor() throws Exception {
        emptyPackage("linux-image-6.1.0-9999-cloud-amd64-unsigned", "6.1.999-1");
        emptyPackage("linux-image-6.1.0-9999-cloud-amd64", "6.1.999-1");
        emptyPackage("linux-image-6.1.0-9999-cloud-amd64-dbg", "6.1.999-1");
        emptyPackage("linux-image-cloud-amd64", "6.1.999-1");
        Cli.Result result = cli.run("kit", "add", "--from", "debs");
        assertThat(result.status()).isEqualTo(5);
        assertThat(result.err())
                .contains("RBL-PACKAGE-MISSING: linux-headers-6.1.0-9999-cloud-amd64")
                .contains("the folder debs");
    }

    @Test
    void aFolderOfSeveralKernelsNeedsOneToBeNamedAndTheyAre() throws Exception {
        emptyPackage("linux-image-6.1.0-9999-cloud-amd64-unsigned", "6.1.999-1");
        emptyPackage("linux-image-6.1.0-9999-cloud-amd64-unsigned", "6.1.999-2");
        emptyPackage("linux-image-6.1.0-9999-amd64", "6.1.999-1");
        Cli.Result result = cli.run("kit", "add", "--from", "debs");
        assertThat(result.status()).isEqualTo(2);
        assertThat(result.err())
                .contains("RBL-PACKAGE-FOLDER: debs: has the image packages of 3 kernel builds")
                .contains(
                        "6.1.0-9999-amd64=6.1.999-1,"
                                + " 6.1.0-9999-cloud-amd64=6.1.999-1,"
                                + " 6.1.0-9999-cloud-amd64=6.1.999-2");
        Cli.Result named =
                cli.run("kit", "add", "6.1.0-9999-cloud-amd64=6.1.999-2", "--from", "debs");
        assertThat(named.err()).contains("RBL-PACKAGE-MISSING").contains("6.1.999-2");
    }

    @Test
    void aFolderWithoutAnImagePackageOrNoFolderIsAUsageError() throws Exception {
        emptyPackage("linux-headers-6.1.0-9999-cloud-amd64", "6.1.999-1");
        Cli.Result none = cli.run("kit", "add", "--from", "debs");
        assertThat(none.status()).isEqualTo(2);
        assertThat(none.err()).contains("RBL-PACKAGE-FOLDER: debs: has no image package");
        Cli.Result gone = cli.run("kit", "add", "--from", "no-such-folder");
        assertThat(gone.status()).isEqualTo(2);
        assertThat(gone.err()).contains("RBL-PACKAGE-FOLDER: no-such-folder: is no folder");
    }

    @Test
    void anUnknownReleaseOffersTheNearestOnes() throws Exception {
        Cli.Result result = cli.run("kit", "add", "6.1.0-9999-cloud-amd64", "--json");
        assertThat(result.status()).isEqualTo(5);
        JsonNode problem = result.json("failure").path("problems").path(0);
        assertThat(problem.path("code").asString()).isEqualTo("RBL-KERNEL-UNKNOWN");
        assertThat(problem.path("remedy").asString()).containsPattern("6\\.1\\.0-\\d+-cloud-amd64");
    }

    @Test
    void aMissingCompilerIsNamedWithThePackageToInstall() throws Exception {
        // Programs are searched where the sandbox has them; so hide the one there is.
        String gcc = Path.of("/usr/bin/gcc-12").toRealPath().toString();
        List<String> without =
                List.of("bwrap", "--dev-bind", "/", "/", "--bind", "/dev/null", gcc, "--");
        String kernel = TestKit.kit().facts().release();
        Cli.Result result =
                cli.with("XDG_CACHE_HOME", folder.resolve("cache").toString())
                        .under(without)
                        .run("kit", "add", kernel);
        assertThat(result.status()).isEqualTo(5);
        assertThat(result.err())
                .contains("RBL-TOOL-MISSING: gcc-12")
                .contains("apt-get install --no-install-recommends gcc-12");
        assertThat(result.err()).doesNotContain("\tat ");
    }
}
