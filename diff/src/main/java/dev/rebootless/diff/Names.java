package dev.rebootless.diff;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What compilers add to names. */
final class Names {
    private Names() {}

    /**
     * gcc numbers static locals and clones: {@code count.12}, {@code work.constprop.0}, {@code
     * __key.3}.
     */
    private static final Pattern NUMBER = Pattern.compile("\\.(\\d+)(?=\\.|$)");

    /** include/linux/compiler.h, __UNIQUE_ID: a name with a counter at its end. */
    private static final Pattern UNIQUE = Pattern.compile("^(__UNIQUE_ID_.*?)(\\d+)$");

    /** include/linux/btf_ids.h, BTF_ID: kind and name of a type, a counter and the source line. */
    private static final Pattern BTF_ID = Pattern.compile("^(__BTF_ID__.*__)\\d+$");

    /**
     * include/linux/init.h, __initcall_id: the module, a counter, the source line, the function and
     * the level.
     */
    private static final Pattern INITCALL =
            Pattern.compile("^(__initcall__kmod_.*?__)\\d+_\\d+_(.*)$");

    /** Constants that gcc names itself: C11 6.4.2.2 and gcc's tree-switch-conversion.cc. */
    private static final Pattern COMPILER_CONSTANT =
            Pattern.compile("^(__func__|__FUNCTION__|__PRETTY_FUNCTION__|CSWTCH)\\.\\d+$");

    private static final Pattern COLD = Pattern.compile("^(.*)\\.cold(\\.\\d+)?$");

    /**
     * A clone is a function of its own that gcc made out of another: its ipa-sra, ipa-cp and
     * ipa-split passes.
     */
    private static final Pattern CLONE =
            Pattern.compile("^(.*?)\\.(constprop|isra|part|cold|localalias|lto_priv)(\\..*)?$");

    /**
     * Flags of "only once" macros (include/linux/once_lite.h, include/linux/printk.h,
     * include/asm-generic/bug.h) and states of rate limits (include/linux/printk.h, {@code
     * printk_ratelimited}): their whole meaning is whether a message was or may be printed. {@code
     * ___done} of include/linux/once.h guards an initialisation and is not among them.
     */
    private static final Pattern MESSAGE_LIMITER =
            Pattern.compile("^(__already_done|__warned|__print_once|_rs)(\\.\\d+)?$");

    private static final Pattern ONCE_GUARD =
            Pattern.compile("^(___done|___once_key|__once_key)(\\.\\d+)?$");

    /** The name without the compiler's numbers: equal for the same thing in two compilations. */
    static String base(String name) {
        Matcher initcall = INITCALL.matcher(name);
        if (initcall.matches()) {
            return initcall.group(1) + initcall.group(2);
        }
        Matcher btfId = BTF_ID.matcher(name);
        if (btfId.matches()) {
            return btfId.group(1);
        }
        Matcher unique = UNIQUE.matcher(name);
        String plain = unique.matches() ? unique.group(1) : name;
        return NUMBER.matcher(plain).replaceAll("").replaceAll("(?<=__UNIQUE_ID_ddebug)\\d+", "");
    }

    static boolean isCompilerConstant(String name) {
        return COMPILER_CONSTANT.matcher(name).matches();
    }

    /** True for an entry of a list of BTF types, which nothing refers to by its own name. */
    static boolean isBtfId(String name) {
        return BTF_ID.matcher(name).matches();
    }

    /** True for a static local that only says whether, or how often, a message is printed. */
    static boolean isMessageLimiter(String name) {
        return MESSAGE_LIMITER.matcher(name).matches();
    }

    /** Guards of DO_ONCE() (include/linux/once.h). */
    static boolean isOnceGuard(String name) {
        return ONCE_GUARD.matcher(name).matches();
    }

    /** The function whose rarely executed part this is, or the name itself. */
    static String hotPart(String name) {
        Matcher cold = COLD.matcher(name);
        return cold.matches() ? cold.group(1) : name;
    }

    static boolean isCold(String name) {
        return COLD.matcher(name).matches();
    }

    /** The function of the source from which a clone was made, or the name itself. */
    static String sourceFunction(String name) {
        Matcher clone = CLONE.matcher(name);
        return clone.matches() ? clone.group(1) : name;
    }

    /**
     * Symbols that name no thing of their own: the padding before a function or its type, and the
     * compiler's labels, which the assembler keeps where a relocation needs them.
     */
    static boolean isMarker(String name) {
        return name.startsWith("__pfx_") || name.startsWith("__cfi_") || name.startsWith(".L");
    }
}
