package dev.rebootless.build.exposure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Lazy;
import dev.rebootless.source.history.SourceIndex;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TitleNamesTest {
    @TempDir private Path folder;

    private TitleNames titles() throws IOException {
        Map<String, String> files =
                Map.ofEntries(
                        Map.entry("net/netfilter/nf_conntrack_sip.c", "sip_skip_whitespace"),
                        Map.entry("drivers/usb/serial/digi_acceleport.c", "digi_open"),
                        Map.entry("drivers/net/a.c", "remove_it"),
                        Map.entry("drivers/usb/b.c", "remove_it"),
                        Map.entry("mm/util.c", "kmemdup_it"),
                        Map.entry("security/selinux/xfrm.c", "selinux_xfrm_alloc"),
                        Map.entry("net/xfrm/xfrm_state.c", "xfrm_state_find"),
                        Map.entry("arch/arm64/kernel/setup.c", "only_on_arm64"),
                        Map.entry("kernel/trace/trace.c", "trace_open_it"),
                        Map.entry("drivers/net/wireless/mwifiex/cfg80211.c", "mwifiex_it"),
                        Map.entry("drivers/net/wireless/wil6210/cfg80211.c", "wil_it"),
                        Map.entry("net/wireless/reg.c", "reg_it"),
                        Map.entry("drivers/net/ethernet/nfp/flower/main.c", "nfp_flower_it"),
                        Map.entry("net/sched/cls_flower.c", "fl_it"),
                        Map.entry("drivers/perf/cxl_pmu.c", "cxl_it"),
                        Map.entry("drivers/mtd/nand/core.c", "nand_it"),
                        Map.entry("drivers/mtd/mtdcore.c", "mtd_it"),
                        Map.entry("drivers/regulator/core.c", "regulator_it"),
                        Map.entry("drivers/iio/trigger/stm32.c", "stm32_it"),
                        Map.entry("drivers/iio/industrialio-trigger.c", "iio_it"),
                        Map.entry("net/mac80211/rx.c", "rx_it"),
                        Map.entry("drivers/net/wireless/rtw89/mac80211.c", "rtw_it"),
                        Map.entry("mm/kasan/shadow.c", "kasan_populate_it"),
                        Map.entry("include/linux/kasan.h", "kasan_populate_it"),
                        Map.entry("fs/erofs/zdata.c", "z_it"),
                        Map.entry("fs/erofs/inode.c", "erofs_it"),
                        Map.entry("drivers/gpu/drm/amd/pm/smu.c", "smu_it"),
                        Map.entry("drivers/vfio/pci/mlx5/main.c", "vfio_mlx5_it"),
                        Map.entry("drivers/net/mlx5/main.c", "net_mlx5_it"),
                        Map.entry("drivers/gpio/gpio-tegra.c", "tegra_it"),
                        Map.entry("drivers/gpio/gpio-tegra186.c", "tegra186_it"),
                        Map.entry("drivers/gpio/gpiolib.c", "gpiolib_it"),
                        Map.entry("drivers/watchdog/watchdog_core.c", "watchdog_it"),
                        Map.entry("drivers/watchdog/msc313e_wdt.c", "msc_it"),
                        Map.entry("drivers/md/dm-cache-target.c", "cache_it"),
                        Map.entry("drivers/md/dm-crypt.c", "crypt_it"),
                        Map.entry("crypto/api.c", "crypto_it"),
                        Map.entry("drivers/crypto/ccp/sp.c", "ccp_it"),
                        Map.entry("arch/arm64/net/bpf_jit_comp.c", "only_on_arm64_too"));
        Path tree = folder.resolve("tree");
        for (Map.Entry<String, String> file : files.entrySet()) {
            Path path = tree.resolve(file.getKey());
            Files.createDirectories(path.resolveSibling("."));
            Files.writeString(
                    path, "static int " + file.getValue() + "(void)\n{\n\treturn 0;\n}\n");
        }
        Map<String, String> makefiles =
                Map.of(
                        "net/wireless/",
                        "obj-$(CONFIG_CFG80211) += cfg80211.o\n\ncfg80211-y += core.o \\\n\t reg.o # all\n",
                        "net/mac80211/",
                        "obj-$(CONFIG_MAC80211) += mac80211.o\nmac80211-y := rx.o\n",
                        "drivers/watchdog/",
                        "watchdog-objs += watchdog_core.o\nobj-$(CONFIG_WATCHDOG) += watchdog.o\n"
                                + "obj-$(CONFIG_MSC) += msc313e_wdt.o\n",
                        "drivers/md/",
                        "dm-cache-y += dm-cache-target.o\nobj-$(CONFIG_DM_CACHE) += dm-cache.o\n"
                                + "dm-unused-y += dm-crypt.o\n",
                        "crypto/",
                        "obj-$(CONFIG_CRYPTO) += crypto.o\ncrypto-y := api.o\n");
        for (Map.Entry<String, String> file : makefiles.entrySet()) {
            Files.writeString(tree.resolve(file.getKey() + "Makefile"), file.getValue());
        }
        SourceIndex index = SourceIndex.of(tree, folder.resolve("cache"), message -> {});
        return new TitleNames(index, new Lazy<>(() -> ModuleNames.of(tree, index)));
    }

    @Test
    void aFunctionThatTheTitleNamesLeadsToTheFileThatDefinesIt() throws IOException {
        assertThat(
                        titles().functions(
                                        "netfilter: nf_conntrack_sip: fix OOB read in sip_skip_whitespace()"))
                .hasEntrySatisfying(
                        "sip_skip_whitespace",
                        files ->
                                assertThat(files)
                                        .containsExactly("net/netfilter/nf_conntrack_sip.c"));
    }

    @Test
    void ofNamesakesTheOneOfTheTitlesSubsystemIsMeantAndWithoutOneNone() throws IOException {
        assertThat(titles().functions("USB: fix use-after-free in remove_it()"))
                .hasEntrySatisfying(
                        "remove_it", files -> assertThat(files).containsExactly("drivers/usb/b.c"));
        assertThat(titles().functions("fix use-after-free in remove_it()")).isEmpty();
    }

    @Test
    void aFunctionOfAnotherSubsystemIsOnlyCalled() throws IOException {
        assertThat(titles().functions("USB: serial: use kmemdup_it() for the table")).isEmpty();
    }

    @Test
    void theTreesWordForASubsystemIsKnown() throws IOException {
        assertThat(titles().functions("tracing: fix a leak in trace_open_it()")).isNotEmpty();
    }

    @Test
    void whatOtherArchitecturesDefineIsNotMeant() throws IOException {
        assertThat(titles().functions("arm64: setup: fix only_on_arm64()")).isEmpty();
    }

    @Test
    void theFileOfTheInnermostSubsystemsNameIsMeant() throws IOException {
        assertThat(titles().file("USB: serial: digi_acceleport: fix broken rx after throttle"))
                .contains("drivers/usb/serial/digi_acceleport.c");
    }

    @Test
    void aFileIsNotMeantWhereAFolderHasTheName() throws IOException {
        assertThat(titles().file("xfrm: fix stale skb->prev")).isEmpty();
    }

    @Test
    void aTitleWithoutSubsystemOrFunctionNamesNothing() throws IOException {
        assertThat(titles().file("fix a leak")).isEmpty();
        assertThat(titles().functions("fix a leak")).isEmpty();
        assertThat(titles().folders("fix a leak")).isEmpty();
    }

    private static SortedSet<String> all(String... files) {
        return new TreeSet<>(List.of(files));
    }

    @Test
    void ofAFolderThatTheTitleNamesThoseFilesAreMeantThatChangeWithTheFix() throws IOException {
        assertThat(
                        titles().changing(
                                        "erofs: fix a leak",
                                        all("fs/erofs/zdata.c", "fs/ext4/inode.c")))
                .contains(
                        new TitleNames.Changing(
                                "erofs", all("fs/erofs/zdata.c"), all(), true, false));
        assertThat(
                        titles().changing(
                                        "erofs: zip: fix a leak",
                                        all("fs/erofs/zdata.c", "fs/erofs/internal.h")))
                .contains(
                        new TitleNames.Changing(
                                "erofs",
                                all("fs/erofs/zdata.c"),
                                all("fs/erofs/internal.h"),
                                false,
                                false));
        assertThat(titles().changing("erofs: fix a leak", all("fs/ext4/inode.c"))).isEmpty();
    }

    @Test
    void allWordsBeforeStandInThePathOfWhatIsMeant() throws IOException {
        SortedSet<String> changed =
                all("drivers/net/ethernet/nfp/flower/main.c", "net/sched/cls_flower.c");
        assertThat(titles().changing("net/sched: flower: fix a leak", changed))
                .contains(
                        new TitleNames.Changing(
                                "sched", all("net/sched/cls_flower.c"), all(), false, true));
        assertThat(titles().folders("net/sched: flower: fix a leak"))
                .extracting(TitleNames.Folders::word)
                .doesNotContain("flower");
    }

    @Test
    void aDriversFileOfASubsystemsNameIsNotMeantBeyondDoubt() throws IOException {
        assertThat(
                        titles().isBeyondDoubt(
                                        "wifi: cfg80211: fix a leak",
                                        "cfg80211",
                                        all("drivers/net/wireless/mwifiex/cfg80211.c")))
                .isFalse();
        assertThat(
                        titles().isBeyondDoubt(
                                        "mtd: core: fix a leak",
                                        "core",
                                        all("drivers/mtd/nand/core.c")))
                .isFalse();
        assertThat(
                        titles().isBeyondDoubt(
                                        "drm/amd/pm: fix a leak",
                                        "pm",
                                        all("drivers/gpu/drm/amd/pm/smu.c")))
                .isTrue();
    }

    @Test
    void theFolderOfDriversForCountersIsNotTheSubsystemPerf() throws IOException {
        assertThat(titles().folders("perf: fix a leak")).isEmpty();
        assertThat(
                        titles().isBeyondDoubt(
                                        "perf: fix a leak", "perf", all("drivers/perf/cxl_pmu.c")))
                .isFalse();
    }

    /** Nothing in net/mac80211/ says wifi; a driver's file of that name is not meant instead. */
    @Test
    void aDriversFileDoesNotStandForTheModuleOfItsName() throws IOException {
        assertThat(
                        titles().changing(
                                        "wifi: mac80211: fix a leak",
                                        all(
                                                "net/mac80211/rx.c",
                                                "drivers/net/wireless/rtw89/mac80211.c")))
                .contains(
                        new TitleNames.Changing(
                                "mac80211", all("net/mac80211/rx.c"), all(), true, true));
    }

    @Test
    void aModulesNameMeansWhatChangesOfIt() throws IOException {
        assertThat(
                        titles().changing(
                                        "wifi: cfg80211: fix a leak",
                                        all(
                                                "net/wireless/reg.c",
                                                "drivers/net/wireless/mwifiex/cfg80211.c")))
                .contains(
                        new TitleNames.Changing(
                                "cfg80211", all("net/wireless/reg.c"), all(), true, true));
        SortedSet<String> two = all("drivers/md/dm-cache-target.c", "drivers/md/dm-crypt.c");
        assertThat(titles().changing("dm cache: fix a leak", two))
                .contains(
                        new TitleNames.Changing(
                                "dmcache",
                                all("drivers/md/dm-cache-target.c"),
                                all(),
                                false,
                                true));
        // What no goal of the Makefile is made of is no module.
        assertThat(titles().changing("dm-unused: fix a leak", two)).isEmpty();
    }

    /** A word behind a module's, or a driver behind the colon, may be beside it. */
    @Test
    void whereMoreIsNamedThanAModuleItsWholeFolderMayBeMeant() throws IOException {
        SortedSet<String> two =
                all("drivers/watchdog/watchdog_core.c", "drivers/watchdog/msc313e_wdt.c");
        for (String title :
                List.of("watchdog: msc313e: fix a leak", "watchdog: msc313e_wdt - fix a leak")) {
            assertThat(titles().changing(title, two))
                    .contains(new TitleNames.Changing("watchdog", two, all(), false, true));
        }
    }

    @Test
    void aModuleIsNotMeantWhereAFolderElsewhereHasItsName() throws IOException {
        SortedSet<String> two = all("crypto/api.c", "drivers/crypto/ccp/sp.c");
        assertThat(titles().changing("crypto: fix a leak", two))
                .contains(new TitleNames.Changing("crypto", two, all(), false, false));
    }

    @Test
    void foldersOneInAnotherAreMeantEvenIfOnlyAHeaderChangesThere() throws IOException {
        assertThat(
                        titles().changing(
                                        "vfio/mlx5: fix a leak",
                                        all(
                                                "drivers/net/mlx5/main.c",
                                                "drivers/vfio/pci/mlx5/cmd.h",
                                                "drivers/vfio/vfio_main.c")))
                .contains(
                        new TitleNames.Changing(
                                "mlx5", all(), all("drivers/vfio/pci/mlx5/cmd.h"), false, true));
    }

    @Test
    void twoPartsOfATitleJoinedAreAFilesName() throws IOException {
        String title = "gpio: tegra: fix a leak";
        assertThat(titles().joined(title, all("drivers/gpio/gpio-tegra.c")))
                .contains("drivers/gpio/gpio-tegra.c");
        // Not where it does not change, or one of a longer name does as well.
        assertThat(titles().joined(title, all("drivers/gpio/gpiolib.c"))).isEmpty();
        assertThat(
                        titles().joined(
                                        title,
                                        all(
                                                "drivers/gpio/gpio-tegra.c",
                                                "drivers/gpio/gpio-tegra186.c")))
                .isEmpty();
    }

    @Test
    void allThatHasToDoWithTheOutermostWordIsFound() throws IOException {
        assertThat(
                        titles().outermost(
                                        "iio: buffer: fix a leak",
                                        all(
                                                "drivers/iio/industrialio-trigger.c",
                                                "drivers/iio/trigger/stm32.c",
                                                "include/linux/iio/iio.h",
                                                "drivers/iio/Kconfig",
                                                "kernel/trace/ring_buffer.c")))
                .contains(
                        new TitleNames.Changing(
                                "iio",
                                all(
                                        "drivers/iio/industrialio-trigger.c",
                                        "drivers/iio/trigger/stm32.c"),
                                all("include/linux/iio/iio.h"),
                                false,
                                true));
        // No folder is called gpiolib, so that nothing else has to do with it is not sure.
        assertThat(titles().outermost("gpiolib: fix a leak", all("drivers/gpio/gpiolib.c")))
                .hasValueSatisfying(c -> assertThat(c.isSure()).isFalse());
        assertThat(titles().outermost("perf: fix a leak", all("drivers/perf/cxl_pmu.c"))).isEmpty();
    }

    @Test
    void anotherArchitectureIsMeantWhereTheTitleMarksItAndItsFileChanges() throws IOException {
        SortedSet<String> changed = all("arch/arm64/net/bpf_jit_comp.c", "kernel/bpf/core.c");
        assertThat(titles().otherArchitecture("bpf, arm64: fix a leak", changed)).contains("arm64");
        assertThat(titles().otherArchitecture("arm64: fix a leak", changed)).contains("arm64");
        assertThat(titles().otherArchitecture("KVM: arm64: fix a leak", changed)).isEmpty();
        assertThat(titles().otherArchitecture("bpf, arm64, x86: fix a leak", changed)).isEmpty();
        assertThat(titles().otherArchitecture("bpf, arm64: fix a leak", all("kernel/bpf/core.c")))
                .isEmpty();
        assertThat(titles().otherArchitecture("bpf: fix a leak", changed)).isEmpty();
    }

    @Test
    void aFolderOfDriversIsNotTheCoreBesideIt() throws IOException {
        assertThat(titles().folders("iio: trigger: fix a leak"))
                .extracting(TitleNames.Folders::word)
                .doesNotContain("trigger");
        assertThat(
                        titles().isBeyondDoubt(
                                        "iio: trigger: fix a leak",
                                        "trigger",
                                        all("drivers/iio/trigger/stm32.c")))
                .isFalse();
    }

    @Test
    void whereTheTitleNamesAnotherFileAsWellTheFunctionsFileIsNotAll() throws IOException {
        Set<String> named = Set.of("kasan_populate_it");
        assertThat(
                        titles().isBeyondDoubt(
                                        "mm/vmalloc, mm/kasan: respect it in kasan_populate_it()",
                                        named,
                                        "mm/kasan/shadow.c"))
                .isFalse();
        assertThat(
                        titles().isBeyondDoubt(
                                        "erofs: fix a leak in z_it()",
                                        Set.of("z_it"),
                                        "fs/erofs/zdata.c"))
                .isTrue();
    }
}
