package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Hashes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** build, explain, inspect, rebuild, test and kit, with the kit of a real kernel. */
class BuildCommandTest {
    private static String kernel = "";

    @TempDir private Path folder = Path.of("");
    private Cli cli = new Cli(folder);

    @BeforeAll
    static void kit() {
        kernel = TestKit.kernel();
    }

    @BeforeEach
    void cli() {
        cli = new Cli(folder);
    }

    private Path demoPatch() throws IOException {
        return Files.copy(
                Cli.root().resolve("demo/meminfo-used.patch"),
                folder.resolve("used.patch"),
                StandardCopyOption.REPLACE_EXISTING);
    }

    private Cli.Result build(Path patch, String... more) throws Exception {
        List<String> arguments =
                new ArrayList<>(
                        List.of(
                                "build",
                                patch.toString(),
                                "--kernel",
                                kernel,
                                "--no-test",
                                "-o",
                                folder.toString()));
        arguments.addAll(List.of(more));
        return cli.run(arguments.toArray(String[]::new));
    }

    @Test
    void aModuleIsBuiltInspectedAndBuiltAgainWithTheSameBytes() throws Exception {
        Cli.Result built = build(demoPatch(), "--json", "--cve", "CVE-2026-0002,CVE-2026-0001");
        assertThat(built.status()).as(built.err()).isZero();
        JsonNode document = built.json("build");
        assertThat(document.path("objects").toString())
                .isEqualTo("[{\"name\":\"vmlinux\",\"functions\":[\"meminfo_proc_show\"]}]");
        Path module = Path.of(document.path("module").asString());
        assertThat(module).isEqualTo(folder.resolve("livepatch-used.ko")).isRegularFile();
        String beside = Files.readString(Path.of(document.path("manifest").asString()));
        assertThat(Cli.schemaErrors("module-file", beside)).isEmpty();
        assertThat(beside).contains("\"unproven\"");

        JsonNode inspected = cli.run("inspect", module.toString(), "--json").json("inspect");
        assertThat(inspected.path("livepatch").asBoolean()).isTrue();
        assertThat(inspected.path("signed").asBoolean()).isFalse();
        assertThat(inspected.path("manifest").path("cves").toString())
                .isEqualTo("[\"CVE-2026-0001\",\"CVE-2026-0002\"]");
        assertThat(inspected.path("klpSymbols").size()).isPositive();
        assertThat(inspected.path("klpRelocations").path(0).path("object").asString())
                .isEqualTo("vmlinux");
        assertThat(inspected.path("imports").toString()).contains("klp_enable_patch");
        assertThat(cli.run("inspect", module.toString()).out())
                .contains("meminfo_proc_show", "CVE-2026-0001", "vmlinux:");

        Cli.Result again = cli.run("rebuild", module.toString(), "--json");
        assertThat(again.status()).as(again.err()).isZero();
        assertThat(again.json("rebuild").path("verdict").asString()).isEqualTo("same");
        assertThat(leftovers()).isEmpty();
    }

    @Test
    void aSignatureBehindTheModuleIsSeenAndDoesNotCountAsADifference() throws Exception {
        assertThat(build(demoPatch()).status()).isZero();
        Path module = folder.resolve("livepatch-used.ko");
        Files.write(module, signed(Files.readAllBytes(module)));
        JsonNode inspected = cli.run("inspect", module.toString(), "--json").json("inspect");
        assertThat(inspected.path("signed").asBoolean()).isTrue();
        Cli.Result again = cli.run("rebuild", module.toString());
        assertThat(again.status()).as(again.err()).isZero();
        assertThat(again.out()).contains("signature was not checked");
    }

    private static byte[] signed(byte[] module) {
        ByteBuffer signed = ByteBuffer.allocate(module.length + 4 + 12 + 28);
        // struct module_signature (include/linux/module_signature.h), its length big endian.
        signed.put(module).putInt(0x01020304).putLong(0x0000020000000000L).putInt(4);
        signed.put("~Module signature appended~\n".getBytes(StandardCharsets.US_ASCII));
        return signed.array();
    }

    /** Replaces a text of the manifest in a module by one of the same length. */
    private static byte[] withManifest(byte[] module, String from, String to) {
        String text = new String(module, StandardCharsets.ISO_8859_1);
        assertThat(text).containsOnlyOnce(from);
        assertThat(to).hasSameSizeAs(from);
        return text.replace(from, to).getBytes(StandardCharsets.ISO_8859_1);
    }

    @Test
    void aSignedModuleWhosePatchChangesNothingIsNotWhatComesOutAgain() throws Exception {
        Path patch = demoPatch();
        assertThat(build(patch).status()).isZero();
        Path module = folder.resolve("livepatch-used.ko");
        String hash = Hashes.sha256(patch);
        Files.writeString(
                patch,
                Files.readString(patch).replaceAll("\\+\tshow_val_kb.*", "+\t/* a remark */"));
        Files.write(
                module,
                signed(withManifest(Files.readAllBytes(module), hash, Hashes.sha256(patch))));
        Cli.Result again = cli.run("rebuild", module.toString(), "--json");
        assertThat(again.status()).as(again.err()).isEqualTo(6);
        assertThat(again.json("rebuild").path("verdict").asString()).isEqualTo("different");
        assertThat(again.err()).contains("RBL-REBUILD-DIFFERS").contains("give no module");
    }

    @Test
    void bytesBetweenAModuleAndItsSignatureAreADifference() throws Exception {
        assertThat(build(demoPatch()).status()).isZero();
        Path module = folder.resolve("livepatch-used.ko");
        byte[] built = Files.readAllBytes(module);
        Files.write(module, signed(Arrays.copyOf(built, built.length + 8)));
        Cli.Result again = cli.run("rebuild", module.toString(), "--json");
        assertThat(again.status()).as(again.err()).isEqualTo(6);
        assertThat(again.json("rebuild").path("firstDifference").path("offset").asInt())
                .isEqualTo(built.length);
    }

    @Test
    void aModuleWhoseManifestNamesNoPatchIsRefused() throws Exception {
        Path patch = demoPatch();
        assertThat(build(patch).status()).isZero();
        Path module = folder.resolve("livepatch-used.ko");
        String named = "{\"name\":\"used.patch\",\"sha256\":\"" + Hashes.sha256(patch) + "\"}";
        Files.write(
                module,
                withManifest(Files.readAllBytes(module), named, " ".repeat(named.length())));
        Cli.Result again = cli.run("rebuild", module.toString(), "--json");
        assertThat(again.status()).as(again.err()).isEqualTo(2);
        JsonNode problem = again.json("failure").path("problems").path(0);
        assertThat(problem.path("code").asString()).isEqualTo("RBL-MANIFEST");
        assertThat(problem.path("message").asString()).contains("names no patch");
    }

    @Test
    void aModuleThatWasTamperedWithIsNotWhatComesOutAgain() throws Exception {
        assertThat(build(demoPatch()).status()).isZero();
        Path module = folder.resolve("livepatch-used.ko");
        byte[] bytes = Files.readAllBytes(module);
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        int at = text.indexOf("MemUsed:");
        assertThat(at).isPositive();
        bytes[at] = 'm';
        Files.write(module, bytes);
        Cli.Result again = cli.run("rebuild", module.toString(), "--json");
        assertThat(again.status()).isEqualTo(6);
        JsonNode difference = again.json("rebuild").path("firstDifference");
        assertThat(difference.path("offset").asInt()).isEqualTo(at);
        assertThat(difference.path("section").asString()).startsWith(".rodata");
        assertThat(again.err()).contains("RBL-REBUILD-DIFFERS");
    }

    @Test
    void aModuleIsNotBuiltAgainFromAnotherPatch() throws Exception {
        Path patch = demoPatch();
        assertThat(build(patch).status()).isZero();
        Files.writeString(patch, Files.readString(patch).replace("MemUsed", "MemUSED"));
        Path module = folder.resolve("livepatch-used.ko");
        Cli.Result again =
                cli.run("rebuild", module.toString(), "--patch", patch.toString(), "--json");
        assertThat(again.status()).isEqualTo(5);
        JsonNode problem = again.json("failure").path("problems").path(0);
        assertThat(problem.path("code").asString()).isEqualTo("RBL-REBUILD-INPUT");
        assertThat(problem.path("place").asString()).isEqualTo("used.patch");
    }

    @Test
    void changedDataIsRefusedAndNoModuleIsLeft() throws Exception {
        Path patch =
                TestKit.patch(
                        folder,
                        "data.patch",
                        "mm/vmstat.c",
                        "int sysctl_stat_interval __read_mostly = HZ;",
                        "int sysctl_stat_interval __read_mostly = HZ + 1;");
        Cli.Result result = build(patch, "--json");
        assertThat(result.status()).as(result.err()).isEqualTo(4);
        JsonNode document = result.json("build");
        assertThat(document.path("verdict").asString()).isEqualTo("refused");
        JsonNode refusal = document.path("refusals").path(0);
        assertThat(refusal.path("code").asString()).isEqualTo("RBL-DATA-CHANGED");
        assertThat(refusal.path("symbol").asString()).isEqualTo("sysctl_stat_interval");
        assertThat(folder.resolve("livepatch-data.ko")).doesNotExist();
        assertThat(leftovers()).isEmpty();
    }

    @Test
    void aPatchThatDoesNotApplyIsRefusedAndTheLineIsNamed() throws Exception {
        Path patch = demoPatch();
        Files.writeString(
                patch, Files.readString(patch).replace("MemTotal:", "MemoryOfAnotherKernel:"));
        Cli.Result result = build(patch);
        assertThat(result.status()).isEqualTo(4);
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).contains("RBL-HUNK-").contains("fs/proc/meminfo.c");
        assertThat(
                        cli.run("explain", patch.toString(), "--kernel", kernel, "--json")
                                .json("explain")
                                .path("verdict")
                                .asString())
                .isEqualTo("refused");
    }

    @Test
    void aPatchThatDoesNotCompileIsRefusedWithTheCompilersWords() throws Exception {
        Path patch = demoPatch();
        Files.writeString(
                patch, Files.readString(patch).replace("i.totalram - ", "no_such_name - "));
        Cli.Result result = build(patch, "--json");
        assertThat(result.status()).isEqualTo(4);
        assertThat(result.json("build").path("refusals").path(0).path("code").asString())
                .isEqualTo("RBL-COMPILE");
        assertThat(result.err()).contains("no_such_name");
    }

    @Test
    void aPatchOfACommentChangesNothing() throws Exception {
        Path patch = demoPatch();
        Files.writeString(
                patch,
                Files.readString(patch).replaceAll("\\+\tshow_val_kb.*", "+\t/* a remark */"));
        Cli.Result result = build(patch, "--json");
        assertThat(result.status()).isEqualTo(3);
        assertThat(result.json("build").path("verdict").asString()).isEqualTo("unchanged");
        Cli.Result explained = cli.run("explain", patch.toString(), "--kernel", kernel, "--json");
        assertThat(explained.status()).isEqualTo(3);
        assertThat(explained.json("explain").path("verdict").asString()).isEqualTo("unchanged");
    }

    @Test
    void explainSaysWhatWouldChangeAndMakesNoModule() throws Exception {
        Path patch = demoPatch();
        Cli.Result result = cli.run("explain", patch.toString(), "--kernel", kernel, "--json");
        assertThat(result.status()).isZero();
        assertThat(result.json("explain").path("objects").toString()).contains("meminfo_proc_show");
        assertThat(cli.run("explain", patch.toString(), "--kernel", kernel).out())
                .contains("can be built", "meminfo_proc_show", "fs/proc/meminfo.c");
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(Path::toString)).noneMatch(f -> f.endsWith(".ko"));
        }
    }

    @Test
    void theKitIsShownWithItsPackagesAndNoneOfThemIsADebugPackage() throws Exception {
        JsonNode kits = cli.run("kit", "show", kernel, "--json").json("kits").path("kits");
        assertThat(kits.size()).isEqualTo(1);
        assertThat(kits.path(0).path("packages").size()).isEqualTo(4);
        assertThat(kits.toString()).doesNotContain("-dbg").contains("CONFIG_LIVEPATCH");
        String text = cli.run("kit", "show", kernel).out();
        assertThat(text).contains("build id:", "compiler:", "disk:", "config:");
        assertThat(cli.run("kit", "list", "--json").json("kits").path("kits").size()).isPositive();
    }

    @ParameterizedTest
    @ValueSource(strings = {"compiling", "up: "})
    void controlCEndsABuildAndLeavesNothingBehind(String step) throws Exception {
        Path patch =
                TestKit.patch(
                        folder,
                        "slow.patch",
                        "net/ipv4/tcp_input.c",
                        "int sysctl_tcp_max_orphans __read_mostly = NR_FILE;\n",
                        "int sysctl_tcp_max_orphans __read_mostly = NR_FILE;\n/* slow */\n");
        if (!step.equals("compiling")) {
            patch = demoPatch();
        }
        Process process =
                cli.start(
                        "build",
                        patch.toString(),
                        "--kernel",
                        kernel,
                        "-o",
                        folder.resolve("out").toString());
        awaitLine(process, step);
        // In the middle of the step, not at its very beginning.
        Thread.sleep(Duration.ofMillis(300));
        List<ProcessHandle> children = process.descendants().toList();
        assertThat(children).isNotEmpty();
        assertThat(
                        new ProcessBuilder("kill", "-INT", String.valueOf(process.pid()))
                                .start()
                                .waitFor())
                .isZero();
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isEqualTo(130);
        assertThat(Files.readString(cli.stderr())).contains("RBL-INTERRUPTED");
        assertThat(Files.readString(cli.stdout())).isEmpty();
        assertThat(folder.resolve("out")).doesNotExist();
        assertThat(leftovers()).isEmpty();
        for (ProcessHandle child : children) {
            awaitEnd(child);
        }
    }

    /** The last of them are ended by the kernel, when the sandbox around them is gone. */
    private static void awaitEnd(ProcessHandle child) throws Exception {
        long start = System.nanoTime();
        while (child.isAlive() && !isZombie(child)) {
            assertThat(Duration.ofNanos(System.nanoTime() - start))
                    .as("%s is alive", child.info())
                    .isLessThan(Duration.ofSeconds(10));
            Thread.sleep(Duration.ofMillis(20));
        }
    }

    /** Dead, and not asked about by a parent yet (State in proc(5)). */
    private static boolean isZombie(ProcessHandle child) {
        try {
            return Files.readString(Path.of("/proc", String.valueOf(child.pid()), "status"))
                    .contains("State:\tZ");
        } catch (IOException e) {
            return true;
        }
    }

    private void awaitLine(Process process, String wanted) throws Exception {
        while (!Files.readString(cli.stderr()).contains(wanted)) {
            assertThat(process.isAlive()).as(Files.readString(cli.stderr())).isTrue();
            Thread.sleep(Duration.ofMillis(20));
        }
    }

    private List<String> leftovers() throws IOException {
        try (Stream<Path> files = Files.list(cli.temporary())) {
            return files.map(Path::toString).filter(f -> f.contains("rebootless")).toList();
        }
    }

    @Test
    @Tag("long")
    void theDemoIsProvenByBootingAndACheckThatNeverHoldsFailsTheTest() throws Exception {
        Path check = Cli.root().resolve("demo/meminfo-used.check.sh");
        Path patch = demoPatch();
        Cli.Result built =
                cli.run(
                        "build",
                        patch.toString(),
                        "--kernel",
                        kernel,
                        "--check",
                        check.toString(),
                        "-o",
                        folder.toString());
        assertThat(built.status()).as(built.err()).isZero();
        assertThat(built.out()).contains("MemUsed:", "kernel log: clean", "next:");
        String beside = Files.readString(folder.resolve("livepatch-used.json"));
        assertThat(Cli.schemaErrors("module-file", beside)).isEmpty();
        Path module = folder.resolve("livepatch-used.ko");
        Path never = Files.writeString(folder.resolve("never.sh"), "exit 1\n");
        Cli.Result failed =
                cli.run("test", module.toString(), "--check", never.toString(), "--json");
        assertThat(failed.status()).isEqualTo(6);
        assertThat(failed.json("test").path("verdict").asString()).isEqualTo("failed");
        assertThat(failed.err()).contains("RBL-PROOF-FAILED");
    }

    @Test
    @Tag("long")
    void anEarlierLivepatchIsReplacedOrStaysAsTheModuleSaysOfItself() throws Exception {
        Path first = buildUntested("first");
        Path second = buildUntested("second");
        Path third = buildUntested("third", "--no-replace");
        assertThat(fates(second, first)).containsExactly("livepatch_first replaced");
        assertThat(fates(third, first, second))
                .containsExactly("livepatch_first gone-before", "livepatch_second stays");
    }

    private Path buildUntested(String name, String... options) throws Exception {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                "build",
                                demoPatch().toString(),
                                "--kernel",
                                kernel,
                                "--name",
                                name,
                                "--no-test",
                                "-o",
                                folder.toString()));
        command.addAll(List.of(options));
        Cli.Result built = cli.run(command.toArray(String[]::new));
        assertThat(built.status()).as(built.err()).isZero();
        return folder.resolve("livepatch-" + name + ".ko");
    }

    /** What became of the earlier ones in the first boot of a proof that passes. */
    private List<String> fates(Path module, Path... earlier) throws Exception {
        List<String> command =
                new ArrayList<>(List.of("test", module.toString(), "--json", "--earlier"));
        for (Path file : earlier) {
            command.add(file.toString());
        }
        Cli.Result tested = cli.run(command.toArray(String[]::new));
        assertThat(tested.status()).as(tested.err()).isZero();
        List<String> fates = new ArrayList<>();
        tested.json("test")
                .path("proof")
                .path("boots")
                .path(0)
                .path("earlier")
                .forEach(e ->
                        fates.add(e.path("name").asString() + " " + e.path("fate").asString()));
        return fates;
    }
}
