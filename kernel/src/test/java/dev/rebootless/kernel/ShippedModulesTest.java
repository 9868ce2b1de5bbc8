package dev.rebootless.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShippedModulesTest {
    @TempDir Path folder;

    @ParameterizedTest
    @CsvSource({"6.1,cloud-amd64", "6.12,cloud-amd64"})
    void aShippedModuleComesAfterAllThatItNeeds(String line, String flavour) throws Exception {
        Path image = TestPackages.image(TestPackages.newestRelease(line, flavour));
        Path list =
                TestPackages.files(image, "*lib/modules/*").stream()
                        .filter(file -> file.endsWith("modules.builtin"))
                        .findFirst()
                        .orElseThrow();
        ShippedModules shipped = ShippedModules.of(list.resolveSibling(""));

        assertThat(shipped.names()).hasSizeGreaterThan(500).contains("nf_tables", "dummy");
        assertThat(shipped.isBuiltIn("binfmt-script")).isTrue();
        assertThat(shipped.isBuiltIn("nf_tables")).isFalse();
        int needing = 0;
        for (String name : List.of("nf_tables", "dummy", "vmw_vsock_virtio_transport", "cifs")) {
            List<Path> order = shipped.inLoadOrder(name);
            assertThat(order.getLast()).isEqualTo(shipped.file(name));
            for (int i = 0; i < order.size(); i++) {
                for (String needed : needs(KernelModule.read(order.get(i)))) {
                    needing++;
                    assertThat(order.subList(0, i)).contains(shipped.file(needed));
                }
            }
        }
        assertThat(needing).isGreaterThan(5);
        assertThat(shipped.inLoadOrder("dummy")).hasSize(1);
        assertThat(shipped.module("vmw-vsock-virtio-transport").name())
                .isEqualTo("vmw_vsock_virtio_transport");
    }

    private static List<String> needs(KernelModule module) {
        return module.modinfo("depends").stream()
                .flatMap(value -> List.of(value.split(",")).stream())
                .filter(value -> !value.isEmpty())
                .toList();
    }

    @Test
    void aSharedDependencyIsListedOnceAndNamesCompareWithDashAndUnderscoreEqual() throws Exception {
        module("fs/top-one.ko", "top_one", "left,right-side");
        module("lib/left.ko", "left", "base");
        module("lib/right-side.ko", "right_side", "base");
        module("lib/base.ko", "base", "");
        ShippedModules shipped = ShippedModules.of(folder);

        assertThat(names(shipped.inLoadOrder("top-one")))
                .isEqualTo(names(shipped.inLoadOrder("top_one")))
                .containsExactly("base.ko", "left.ko", "right-side.ko", "top-one.ko");
        assertThat(shipped.names()).containsExactly("base", "left", "right_side", "top_one");
    }

    @Test
    void whatIsBuiltInIsNeitherNeededNorAModule() throws Exception {
        module("fs/top.ko", "top", "base");
        Files.writeString(folder.resolve("modules.builtin"), "kernel/lib/base.ko\n");
        ShippedModules shipped = ShippedModules.of(folder);

        assertThat(names(shipped.inLoadOrder("top"))).containsExactly("top.ko");
        assertThat(shipped.isBuiltIn("base")).isTrue();
        refused(
                () -> shipped.inLoadOrder("base"),
                "RBL-KERNEL-MODULE-MISSING",
                "built into the image");
    }

    @Test
    void aModuleThatIsNotThereIsNamedWithTheOneThatNeedsIt() throws Exception {
        module("fs/top.ko", "top", "gone");
        ShippedModules shipped = ShippedModules.of(folder);

        assertThatThrownBy(() -> shipped.file("../../etc/passwd"))
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e -> assertThat(e.status()).isEqualTo(ExitStatus.ENVIRONMENT));
        refused(() -> shipped.inLoadOrder("top"), "RBL-KERNEL-MODULE-MISSING", "top needs it");
    }

    @Test
    void modulesThatNeedEachOtherAreRefused() throws Exception {
        module("a.ko", "a", "b");
        module("b.ko", "b", "c");
        module("c.ko", "c", "b");
        ShippedModules shipped = ShippedModules.of(folder);

        refused(() -> shipped.inLoadOrder("a"), "RBL-KERNEL-MODULE", "b needs c needs b");
        refused(() -> shipped.inLoadOrder("c"), "RBL-KERNEL-MODULE", "c needs b needs c");
    }

    @Test
    void aChainWithoutEndIsRefused() throws Exception {
        for (int i = 0; i < 300; i++) {
            module("m" + i + ".ko", "m" + i, "m" + (i + 1));
        }
        ShippedModules shipped = ShippedModules.of(folder);

        refused(() -> shipped.inLoadOrder("m0"), "RBL-KERNEL-MODULE", "more than 256");
    }

    @Test
    void twoFilesOfOneModuleAreRefusedOnlyWhenItIsAskedFor() throws Exception {
        module("a/x-y.ko", "x_y", "");
        module("b/x_y.ko", "x_y", "");
        module("b/z.ko", "z", "");
        ShippedModules shipped = ShippedModules.of(folder);

        assertThat(names(shipped.inLoadOrder("z"))).containsExactly("z.ko");
        refused(() -> shipped.file("x_y"), "RBL-KERNEL-MODULE", "several files");
    }

    @Test
    void aFileThatIsAnotherModuleIsRefusedAndLinksAreNotFollowed() throws Exception {
        module("a.ko", "b", "");
        Path outside = Files.createDirectories(folder.resolve("outside"));
        Files.copy(folder.resolve("kernel/a.ko"), outside.resolve("c.ko"));
        Files.createSymbolicLink(folder.resolve("kernel/c.ko"), outside.resolve("c.ko"));
        Files.createSymbolicLink(folder.resolve("kernel/d"), outside);
        ShippedModules shipped = ShippedModules.of(folder);

        refused(() -> shipped.module("a"), "RBL-KERNEL-MODULE", "it says that it is the module b");
        assertThat(shipped.names()).containsExactly("a");
    }

    @Test
    void aFolderWithoutModulesIsRefused() {
        refused(() -> ShippedModules.of(folder), "RBL-KERNEL-MODULE", "no lib/modules/RELEASE");
    }

    @Test
    void damagedModulesEndInAnOrderOrARefusal() throws Exception {
        module("top.ko", "top", "left,right");
        module("left.ko", "left", "base");
        module("right.ko", "right", "base");
        module("base.ko", "base", "");
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.out.println("-Drebootless.seed=" + seed);
        Random random = new Random(seed);
        List<String> words = List.of("top", "left", "right", "base", "gone", "", ",", "a-b");
        int ordered = 0;
        int refused = 0;
        long start = System.nanoTime();
        for (int round = 0; round < 60; round++) {
            String name = words.get(random.nextInt(4));
            module(
                    name + ".ko",
                    random.nextInt(8) == 0 ? "other" : name,
                    words.get(random.nextInt(8)) + "," + words.get(random.nextInt(8)));
            try {
                assertThat(ShippedModules.of(folder).inLoadOrder("top")).isNotEmpty();
                ordered++;
            } catch (RebootlessException e) {
                assertThat(e.problems().getFirst().code()).startsWith("RBL-KERNEL-MODULE");
                refused++;
                if (round % 3 == 0) {
                    module("top.ko", "top", "left");
                    module("left.ko", "left", "base");
                    module("right.ko", "right", "");
                    module("base.ko", "base", "");
                }
            }
        }
        assertThat(ordered).isPositive();
        assertThat(refused).isPositive();
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofMinutes(1));
    }

    private static List<String> names(List<Path> files) {
        return files.stream().map(file -> file.getFileName().toString()).toList();
    }

    private static void refused(ThrowingCallable call, String code, String message) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e -> {
                            assertThat(e.problems().getFirst().code()).isEqualTo(code);
                            assertThat(e.problems().getFirst().message()).contains(message);
                        });
    }

    /** An object file with what modpost writes into every module. */
    private void module(String path, String name, String depends) throws IOException {
        Path file = folder.resolve("kernel").resolve(path);
        Files.createDirectories(file.getParent());
        String source =
                """
                .section .modinfo,"a"
                .asciz "depends=%s"
                .asciz "name=%s"
                .asciz "vermagic=6.1.0-1-x SMP mod_unload "
                """
                        .formatted(depends, name);
        Path text = Files.writeString(folder.resolve("module.s"), source);
        Subprocess.Result result =
                Subprocess.of("as", "-o", file.toString(), text.toString()).run();
        assertThat(result.ok()).as(result.all()).isTrue();
    }
}
