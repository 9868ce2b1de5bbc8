package dev.rebootless.source.kit;

import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What make is told on its command line, so that kbuild gives in the kit what it gave in Debian's
 * build. Command line variables win over all makefiles, in sub-makes as well.
 */
final class Kbuild {
    /** The headers here are a few lines long. */
    private static final int MAX_HEADER_BYTES = 1 << 16;

    /** What may stand in a value: no {@code $}, which make would expand. */
    private static final Pattern HARMLESS = Pattern.compile("[A-Za-z0-9 @._+~:()#-]{0,200}");

    private static final String NO_PROGRAM = "/nonexistent";

    private Kbuild() {}

    /**
     * The arguments for one kernel build.
     *
     * @param compiler the program, such as {@code gcc-12}
     * @param headers the unpacked headers package, whose generated headers say how it was built
     */
    static List<String> arguments(String compiler, KernelRelease release, Path headers)
            throws IOException {
        Path generated = headers.resolve("include/generated");
        List<String> arguments = new ArrayList<>();
        arguments.add("CC=" + compiler);
        // Otherwise `gcc`, which is another package.
        arguments.add("HOSTCC=" + compiler);
        arguments.add("KERNELRELEASE=" + release);
        definition(generated.resolve("compile.h"), "LINUX_COMPILE_BY")
                .ifPresent(user -> arguments.add("KBUILD_BUILD_USER=" + user));
        definition(generated.resolve("compile.h"), "LINUX_COMPILE_HOST")
                .ifPresent(host -> arguments.add("KBUILD_BUILD_HOST=" + host));
        // Debian's own addition to the top Makefile: include/generated/package.h.
        definition(generated.resolve("package.h"), "LINUX_PACKAGE_ID")
                .map(String::strip)
                .filter(id -> id.indexOf(' ') > 0)
                .ifPresent(id -> {
                    arguments.add("DISTRIBUTION_OFFICIAL_BUILD=1");
                    arguments.add("DISTRIBUTOR=" + id.substring(0, id.indexOf(' ')));
                    arguments.add("DISTRIBUTION_VERSION=" + id.substring(id.indexOf(' ') + 1));
                });
        // No genksyms (needs flex and bison) and no sign-file (needs libssl's headers). Both only
        // add
        // steps after the compiler; what the compiler sees comes from autoconf.h, which stays.
        arguments.add("CONFIG_MODVERSIONS=");
        arguments.add("CONFIG_MODULE_SIG_FORMAT=");
        // Made with bc; the one of the headers package stands there already.
        arguments.add("filechk_gentimeconst=cat include/generated/timeconst.h");
        // Debian builds without rustc; one that happens to be installed here would show in .config.
        arguments.add("RUSTC=" + NO_PROGRAM);
        arguments.add("BINDGEN=" + NO_PROGRAM);
        // Ready-made in linux-kbuild, or not needed to compile: -o takes a target as made. It is
        // not
        // handed down to sub-makes, and without --no-print-directory the 6.12 top makefile would
        // call
        // itself as one.
        arguments.add("--no-print-directory");
        arguments.addAll(List.of("-o", "tools/objtool", "-o", "tools/bpf/resolve_btfids"));
        return List.copyOf(arguments);
    }

    /** The string that a header defines a macro as. */
    private static Optional<String> definition(Path header, String macro) throws IOException {
        if (!Files.isRegularFile(header)) {
            return Optional.empty();
        }
        if (Files.size(header) > MAX_HEADER_BYTES) {
            throw bad(header);
        }
        Matcher matcher =
                Pattern.compile("^#define\\s+" + macro + "\\s+\"(.*)\"$", Pattern.MULTILINE)
                        .matcher(
                                Files.readString(
                                        header, java.nio.charset.StandardCharsets.ISO_8859_1));
        if (!matcher.find()) {
            return Optional.empty();
        }
        if (!HARMLESS.matcher(matcher.group(1)).matches()) {
            throw bad(header);
        }
        return Optional.of(matcher.group(1));
    }

    private static RebootlessException bad(Path header) {
        return RebootlessException.environment(
                "RBL-PACKAGE",
                header.getFileName().toString(),
                "in the headers package is not as kbuild writes it",
                "use the headers package of Debian");
    }
}
