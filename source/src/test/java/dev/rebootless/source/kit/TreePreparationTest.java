package dev.rebootless.source.kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Subprocess;
import dev.rebootless.source.compile.KernelTree;
import dev.rebootless.source.compile.UnitCommands;
import dev.rebootless.source.sandbox.ProgramRoot;
import dev.rebootless.source.sandbox.Sandbox;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Prepares copies of a finished kit's tree, tampered with. */
class TreePreparationTest {
    private Kit kit = UserKit.newest();
    private Path folder = Path.of("/nonexistent");
    private Path headers = Path.of("/nonexistent");
    private Path kbuild = Path.of("/nonexistent");
    private Path tree = Path.of("/nonexistent");

    @BeforeEach
    void unpackedPackages() throws IOException {
        // Hard links need one file system.
        folder = Files.createTempDirectory(Files.createDirectories(Kits.userCache()), ".test-");
        headers = Files.createDirectory(folder.resolve("headers"));
        kbuild = Files.createDirectory(folder.resolve("kbuild"));
        tree = folder.resolve("tree");
        for (KitFacts.UsedPackage used : kit.facts().packages()) {
            if (used.name().startsWith("linux-headers-")) {
                Unpacker.headers(
                        KitsTest.packageFile(used),
                        headers,
                        new KernelRelease(kit.facts().release()));
            } else if (used.name().startsWith("linux-kbuild-")) {
                Unpacker.kbuild(KitsTest.packageFile(used), kbuild);
            }
        }
    }

    @AfterEach
    void remove() throws IOException {
        AtomicFiles.removeTree(folder);
    }

    /**
     * A copy of the kit's tree of which every file is the same one. Configuring replaces files and
     * never writes into them, but for the empty ones in include/config.
     */
    private void linkedTree() throws IOException {
        copyTree("-al");
        AtomicFiles.removeTree(tree.resolve("include/config"));
    }

    private void copyTree(String how) {
        Subprocess.Result copied =
                Subprocess.of("cp", how, kit.tree().toString(), tree.toString()).run();
        assertThat(copied.ok()).as(copied.all()).isTrue();
    }

    @Test
    void withoutPaholeTheConfigurationComesOutDifferentAndIsRefused() throws IOException {
        linkedTree();
        List<String> arguments = new ArrayList<>(kit.facts().makeArguments());
        arguments.add("PAHOLE=/nonexistent");
        assertThatThrownBy(() ->
                        new TreePreparation(tree, headers, arguments, ProgramRoot.HOST)
                                .configure(kbuild))
                .hasMessageContaining("RBL-CONFIG")
                .hasMessageContaining("CONFIG_DEBUG_INFO_BTF_MODULES is n and must be y")
                .hasMessageContaining("see that pahole is installed");
    }

    @Test
    void aGeneratedHeaderThatDiffersIsRefusedByName() throws IOException {
        linkedTree();
        TreePreparation preparation =
                new TreePreparation(tree, headers, kit.facts().makeArguments(), ProgramRoot.HOST);
        assertThat(preparation.compareGenerated()).isGreaterThan(30);
        Path bounds = headers.resolve("include/generated/bounds.h");
        Files.writeString(
                bounds,
                Files.readString(bounds).replaceFirst("NR_PAGEFLAGS (\\d)", "NR_PAGEFLAGS 1$1"));
        assertThatThrownBy(preparation::compareGenerated)
                .hasMessageContaining("RBL-GENERATED: include/generated/bounds.h");
    }

    @Test
    void theReleaseAndTheDistributionOfTheBuildAreInTheTree() throws IOException {
        Path generated = kit.tree().resolve("include/generated");
        assertThat(generated.resolve("utsrelease.h"))
                .content()
                .contains('"' + kit.facts().release() + '"');
        assertThat(generated.resolve("package.h"))
                .content()
                .contains("Debian " + kit.facts().packageVersion());
        assertThat(kit.facts().banner()).contains(kit.facts().compiler().version());
    }

    @Test
    void theCommandsOfUnitsAreReadFromTheTreeWithoutChangingIt() {
        KernelTree shared = kit.kernelTree();
        UnitCommands commands =
                new UnitCommands(
                        new KernelTree(
                                shared.folder(),
                                folder.resolve("units"),
                                shared.compiler(),
                                shared.makeArguments()));
        assertThat(commands.of("net/ipv4/tcp_input.c").arguments())
                .contains("-mfentry", "-mfunction-return=thunk-extern", "-fstack-protector-strong");
        assertThat(kit.tree().resolve("net/ipv4/.tcp_input.o.cmd")).doesNotExist();
    }

    @Test
    @Tag("long")
    void kbuildCompilesUnitsInACopyOfTheTreeWithWhatTheSandboxHas() throws IOException {
        copyTree("-a");
        Subprocess.Result made =
                Sandbox.of(Sandbox.Limits.KBUILD)
                        .writableTree(tree)
                        .alternatives()
                        .run(
                                kit.make(
                                        List.of(
                                                "fs/proc/meminfo.o",
                                                "kernel/fork.o",
                                                "security/selinux/avc.o")));
        assertThat(made.ok()).as(made.all()).isTrue();
        // Nothing had to be made anew but the units, and what only they need.
        assertThat(made.out())
                .contains("CC      fs/proc/meminfo.o")
                .doesNotContain("CC      kernel/bounds.s");
        assertThat(tree.resolve("fs/proc/meminfo.o")).isNotEmptyFile();
        assertThat(tree.resolve("security/selinux/avc.o")).isNotEmptyFile();
        assertThat(tree.resolve("fs/proc/.meminfo.o.cmd")).content().doesNotContain("/build/");
    }
}
