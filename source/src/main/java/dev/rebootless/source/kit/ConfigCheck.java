package dev.rebootless.source.kit;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.KernelConfig;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Compares configurations. A single symbol that comes out differently can change the layout of a
 * structure without changing any export CRC, so every difference is refused that has no reason
 * here.
 */
final class ConfigCheck {
    /**
     * A symbol that may differ.
     *
     * @param reason why that changes no code
     */
    record Allowed(String symbol, String reason) {}

    /**
     * Between the configuration in the image package (and so in /boot) and the one in the headers
     * package, which is the one that the kernel was built with. Debian takes these out of what it
     * puts into /boot, so that who builds from it gets no other's keys.
     */
    static final List<Allowed> DROPPED_FROM_BOOT =
            List.of(
                    new Allowed("CONFIG_BUILD_SALT", "only goes into build ids"),
                    new Allowed(
                            "CONFIG_MODULE_SIG_ALL", "only tells `make modules_install` to sign"),
                    new Allowed("CONFIG_MODULE_SIG_KEY", "only names the key file of the build"),
                    new Allowed(
                            "CONFIG_SYSTEM_TRUSTED_KEYS",
                            "only names the file of certificates that certs/ builds in"));

    /**
     * Between the configuration of the headers package and what {@code olddefconfig} makes of it.
     */
    static final List<Allowed> AFTER_OLDDEFCONFIG = List.of();

    /**
     * What {@code kit show} prints and later stages decide by. Those with MITIGATION in their name
     * had none before 6.9 (arch/x86/Kconfig).
     */
    private static final List<String> FACTS =
            List.of(
                    "CONFIG_CALL_DEPTH_TRACKING",
                    "CONFIG_CALL_PADDING",
                    "CONFIG_DEBUG_INFO_BTF",
                    "CONFIG_DEBUG_INFO_BTF_MODULES",
                    "CONFIG_DYNAMIC_FTRACE_WITH_ARGS",
                    "CONFIG_FUNCTION_PADDING_BYTES",
                    "CONFIG_HAVE_RELIABLE_STACKTRACE",
                    "CONFIG_KALLSYMS_ALL",
                    "CONFIG_LIVEPATCH",
                    "CONFIG_LTO_NONE",
                    "CONFIG_MITIGATION_CALL_DEPTH_TRACKING",
                    "CONFIG_MITIGATION_RETPOLINE",
                    "CONFIG_MODULE_SIG",
                    "CONFIG_MODULE_SIG_FORCE",
                    "CONFIG_MODVERSIONS",
                    "CONFIG_PARAVIRT",
                    "CONFIG_PREEMPT_RT",
                    "CONFIG_RANDSTRUCT_NONE",
                    "CONFIG_RETPOLINE",
                    "CONFIG_UNWINDER_ORC",
                    "CONFIG_X86_KERNEL_IBT");

    /** More symbols than a person reads. */
    private static final int NAMED = 20;

    private ConfigCheck() {}

    /**
     * @param what the message says was compared
     * @throws RebootlessException {@code RBL-CONFIG} (exit status 5) naming the symbols
     */
    static void requireEqual(
            KernelConfig wanted, KernelConfig got, List<Allowed> allowed, String what) {
        List<String> symbols = allowed.stream().map(Allowed::symbol).toList();
        List<KernelConfig.Difference> differences =
                wanted.differences(got).stream()
                        .filter(d -> !symbols.contains(d.symbol()))
                        .toList();
        if (differences.isEmpty()) {
            return;
        }
        String named =
                differences.stream()
                        .limit(NAMED)
                        .map(d -> d.symbol() + " is " + d.there() + " and must be " + d.here())
                        .reduce((a, b) -> a + "; " + b)
                        .orElseThrow();
        boolean debugInfo = differences.stream().anyMatch(d -> d.symbol().contains("_BTF"));
        boolean compiler =
                differences.stream()
                        .anyMatch(d -> d.symbol().contains("_CC_") || d.symbol().contains("GCC"));
        throw RebootlessException.environment(
                "RBL-CONFIG",
                what,
                "differs in "
                        + differences.size()
                        + (differences.size() == 1 ? " symbol: " : " symbols: ")
                        + named
                        + (differences.size() > NAMED ? "; …" : ""),
                debugInfo
                        ? "see that pahole is installed and works (`pahole --version`), and try again"
                        : compiler
                                ? "install the compiler and binutils of the Debian release that built the kernel, and try again"
                                : "see that all packages are of one version and unaltered, and try again");
    }

    /** The symbols that matter, {@code n} where not set. */
    static SortedMap<String, String> facts(KernelConfig config) {
        SortedMap<String, String> facts = new TreeMap<>();
        for (String symbol : FACTS) {
            facts.put(symbol, config.value(symbol).orElse("n"));
        }
        return facts;
    }
}
