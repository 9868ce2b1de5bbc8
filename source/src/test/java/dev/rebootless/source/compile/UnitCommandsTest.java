package dev.rebootless.source.compile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class UnitCommandsTest {
    @TempDir static Path cache;
    private static TestTree kit = new TestTree(Path.of(""), "", "");
    private static UnitCommands commands =
            new UnitCommands(new KernelTree(Path.of(""), Path.of(""), "gcc", List.of()));

    @BeforeAll
    static void aPreparedTree() {
        kit = TestTree.get();
        commands =
                new UnitCommands(
                        new KernelTree(
                                kit.tree(),
                                cache,
                                kit.compiler(),
                                List.of("CC=" + kit.compiler())));
    }

    @Test
    void theCommandIsTheOneThatMakeRuns() throws IOException {
        // Make really runs it, in a copy of the tree made of links, so that the tree stays clean;
        // beside the tree, since links do not reach other file systems.
        Path copy = Files.createTempDirectory(kit.tree().getParent(), "copy-");
        try {
            Subprocess.of("cp", "-rlT", kit.tree().toString(), copy.toString()).run();
            compareWithMake(copy);
        } finally {
            AtomicFiles.removeTree(copy);
        }
    }

    private static void compareWithMake(Path copy) throws IOException {
        Subprocess.Result made =
                Subprocess.of("make", "-o", "prepare", "CC=" + kit.compiler(), "fs/proc/meminfo.o")
                        .in(copy)
                        .run();
        assertThat(made.ok()).as(made.all()).isTrue();
        String saved =
                Files.readAllLines(copy.resolve("fs/proc/.meminfo.o.cmd"))
                        .getFirst()
                        .replaceFirst("^(saved)?cmd_\\S+ := ", "");
        List<List<String>> ran = ShellCommands.of(saved);

        UnitCommand unit = commands.of("fs/proc/meminfo.c");

        List<String> expected = new ArrayList<>(ran.getFirst());
        expected.removeIf(w -> w.startsWith("-Wp,-MMD,"));
        List<String> ours = new ArrayList<>();
        ours.add(kit.compiler());
        ours.addAll(unit.arguments());
        ours.addAll(List.of("-c", "-o", "fs/proc/meminfo.o", "fs/proc/meminfo.c"));
        assertThat(ours).isEqualTo(expected);
        List<String> check = new ArrayList<>(List.of("./tools/objtool/objtool"));
        check.addAll(unit.objtool());
        check.add("fs/proc/meminfo.o");
        assertThat(check).isEqualTo(ran.get(1));
    }

    @ParameterizedTest
    @CsvSource({
        "fs/proc/meminfo.c, vmlinux, fs/proc/proc",
        "kernel/fork.c, vmlinux, kernel/fork",
        "net/ipv4/tcp_input.c, vmlinux, net/ipv4/tcp_input",
        "lib/string.c, vmlinux, lib/string",
        "lib/ctype.c, vmlinux, lib/ctype",
        "arch/x86/lib/delay.c, vmlinux, arch/x86/lib/delay",
        "arch/x86/kernel/cpu/common.c, vmlinux, arch/x86/kernel/cpu/common",
        "security/selinux/ss/services.c, vmlinux, security/selinux/selinux",
        "fs/xfs/xfs_inode.c, xfs, fs/xfs/xfs",
        "lib/ts_kmp.c, ts_kmp, lib/ts_kmp",
        "net/netfilter/nf_conntrack_core.c, nf_conntrack, net/netfilter/nf_conntrack",
        "drivers/block/virtio_blk.c, virtio_blk, drivers/block/virtio_blk"
    })
    void eachUnitIsToldWhereItEndsUp(String source, String target, String targetFile) {
        UnitCommand unit = commands.of(source);
        assertThat(unit.target()).isEqualTo(target);
        assertThat(unit.targetFile()).isEqualTo(targetFile);
        assertThat(unit.arguments().contains("-DMODULE")).isEqualTo(!unit.inVmlinux());
        assertThat(unit.arguments())
                .contains("-nostdinc", "-D__KERNEL__", "-O2")
                .doesNotContain("-c", "-o");
        assertThat(unit.arguments())
                .noneMatch(a -> a.contains("REBOOTLESS") || a.startsWith("-Wp,-M"));
        assertThat(unit.objtool()).contains("--orc");
    }

    @Test
    void aFolderIsAskedOnceAndThenReadFromTheCache() throws IOException {
        UnitCommand first = commands.of("fs/proc/stat.c");
        // A tree without a Makefile could not be asked; with the cache it need not be.
        Path bare = Files.createDirectories(cache.resolve("bare/fs/proc"));
        Files.createFile(bare.resolve("Makefile"));
        UnitCommands warm =
                new UnitCommands(
                        new KernelTree(
                                cache.resolve("bare"),
                                cache,
                                kit.compiler(),
                                List.of("CC=" + kit.compiler())));
        long start = System.nanoTime();
        assertThat(warm.of("fs/proc/stat.c")).isEqualTo(first);
        assertThat(warm.of("fs/proc/base.c").target()).isEqualTo("vmlinux");
        assertThat((System.nanoTime() - start) / 1_000_000).isLessThan(1_000);
    }

    @Test
    void aDamagedCacheFileIsMadeAnew() throws IOException {
        Path damaged = cache.resolve("damaged");
        Path own = Files.createDirectories(damaged.resolve("commands"));
        Files.writeString(own.resolve("ipc.json"), "{\"format\":1,\"units\":[nul");
        UnitCommands fresh =
                new UnitCommands(
                        new KernelTree(
                                kit.tree(),
                                damaged,
                                kit.compiler(),
                                List.of("CC=" + kit.compiler())));
        assertThat(fresh.of("ipc/shm.c").target()).isEqualTo("vmlinux");
        assertThat(own.resolve("ipc.json")).content().contains("ipc/shm.c");
    }

    @Test
    void planningLeavesTheTreeAsItIs() throws IOException {
        long before = newest(kit.tree());
        new UnitCommands(
                        new KernelTree(
                                kit.tree(),
                                cache.resolve("other"),
                                kit.compiler(),
                                List.of("CC=" + kit.compiler())))
                .of("block/bio.c");
        assertThat(newest(kit.tree())).isEqualTo(before);
        assertThat(kit.tree().resolve("block/bio.o")).doesNotExist();
    }

    @Test
    void aFileThatTheConfigurationLeavesOutIsRefusedWithTheMakefileLine() {
        RebootlessException e = refusal("fs/proc/nommu.c");
        assertThat(e.status()).isEqualTo(ExitStatus.REFUSED);
        assertThat(e.problems().getFirst().code()).isEqualTo("RBL-NOT-BUILT");
        assertThat(e.problems().getFirst().message())
                .contains("fs/proc/Makefile: proc-y")
                .contains("nommu.o");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "fs/bfs/inode.c|fs/bfs/Makefile: bfs-objs := inode.o file.o dir.o; obj-$(CONFIG_BFS_FS) += bfs.o",
                "mm/nommu.c|mm/Makefile: mmu-y := nommu.o",
                "fs/xfs/scrub/agheader.c|fs/xfs/Makefile: xfs-y += … scrub/agheader.o …; obj-$(CONFIG_XFS_FS) += xfs.o",
                // Included by a file that is not built itself.
                "drivers/gpu/drm/i915/gt/selftest_rc6.c|drivers/gpu/drm/i915/Makefile: "
            })
    void whatTheConfigurationLeavesOutIsRefusedWithTheMakefileLine(String source, String line) {
        Problem problem = refusal(source).problems().getFirst();
        assertThat(problem.code()).isEqualTo("RBL-NOT-BUILT");
        assertThat(problem.message()).contains(line);
        assertThat(problem.remedy()).contains("the running kernel has none of this code");
    }

    /** Nobody knows whether the kernel has this code, so nobody is told to leave it out. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                // A program that writes lib/crc32table.h, which is compiled.
                "lib/gen_crc32table.c",
                // Of the decompressor, which kbuild does not reach as a folder.
                "arch/x86/boot/compressed/kaslr.c",
                // No folder above it has a Makefile.
                "no-such-folder/x.c",
                // kbuild finds no object, and no line lists one.
                "fs/proc/no_such_file.c",
                // Other folders of the Makefile's list have a file of this name.
                "fs/xfs/xfs_rtbitmap.c"
            })
    void aFileWhoseMakefileIsNotFoundIsRefusedWithoutClaimingThatTheKernelLacksIt(String source) {
        RebootlessException e = refusal(source);
        assertThat(e.status()).isEqualTo(ExitStatus.REFUSED);
        assertThat(e.problems().getFirst().code()).isEqualTo("RBL-UNIT-UNKNOWN");
        assertThat(e.problems().getFirst().text()).doesNotContain("has none of this code");
        assertThat(e.problems().getFirst().remedy()).contains("reboot");
    }

    @Test
    void aFileOfVirtKvmIsBuiltByTheArchitecturesMakefile() {
        UnitCommand unit = commands.of("virt/kvm/kvm_main.c");
        assertThat(unit.target()).isEqualTo("kvm");
        assertThat(unit.targetFile()).isEqualTo("arch/x86/kvm/kvm");
        assertThat(commands.reachedBy("virt/kvm/kvm_main.c")).containsExactly(unit);
    }

    /**
     * A configuration on make's command line counts as the tree's. nouveau lists objects four
     * folders with a Kbuild further down; amdgpu those of the folder beside its own, whose
     * Makefiles are not for kbuild alone.
     */
    @ParameterizedTest
    @CsvSource({
        "drivers/gpu/drm/nouveau/nvkm/engine/gr/gf100.c, NOUVEAU, nouveau",
        "drivers/gpu/drm/amd/display/amdgpu_dm/amdgpu_dm.c, AMDGPU, amdgpu",
        "drivers/gpu/drm/amd/display/dc/core/dc.c, AMDGPU, amdgpu"
    })
    void anObjectThatAMakefileFarAboveListsIsFound(String source, String option, String target) {
        UnitCommands others =
                new UnitCommands(
                        new KernelTree(
                                kit.tree(),
                                cache.resolve(option),
                                kit.compiler(),
                                List.of(
                                        "CC=" + kit.compiler(),
                                        "CONFIG_DRM=m",
                                        "CONFIG_DRM_AMD_DC=y",
                                        "CONFIG_DRM_" + option + "=m")));
        assertThat(others.of(source).target()).isEqualTo(target);
        assertThat(others.of(source).source()).isEqualTo(source);
    }

    @Test
    void whatIsCompiledForAnotherProgramIsRefused() {
        for (String source :
                List.of("arch/x86/entry/vdso/vclock_gettime.c", "lib/vdso/gettimeofday.c")) {
            Problem problem = refusal(source).problems().getFirst();
            assertThat(problem.code()).isEqualTo("RBL-NOT-BUILT");
            assertThat(problem.message()).contains("neither vmlinux nor a module");
            assertThat(problem.text()).doesNotContain("has none of this code");
        }
    }

    @Test
    void aFileThatOthersIncludeReachesThem() {
        assertThat(commands.find("kernel/sched/rt.c")).isEmpty();
        assertThat(commands.reachedBy("kernel/sched/rt.c"))
                .extracting(UnitCommand::source)
                .containsExactly("kernel/sched/build_policy.c");
        assertThat(commands.reachedBy("kernel/sched/fair.c"))
                .extracting(UnitCommand::source)
                .containsExactly("kernel/sched/fair.c");
        assertThat(commands.reachedBy("mm/percpu-vm.c"))
                .extracting(UnitCommand::source)
                .containsExactly("mm/percpu.c");
    }

    private static RebootlessException refusal(String source) {
        return catchThrowableOfType(RebootlessException.class, () -> commands.reachedBy(source));
    }

    /** When anything in the top two levels of the tree was last changed. */
    private static long newest(Path tree) throws IOException {
        try (Stream<Path> all = Files.walk(tree, 2)) {
            return all.mapToLong(p -> p.toFile().lastModified()).max().orElseThrow();
        }
    }
}
