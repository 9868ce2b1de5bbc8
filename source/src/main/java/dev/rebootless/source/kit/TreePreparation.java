package dev.rebootless.source.kit;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.kernel.KernelConfig;
import dev.rebootless.source.sandbox.ProgramRoot;
import dev.rebootless.source.sandbox.Sandbox;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Makes an unpacked source tree one that units can be compiled in.
 *
 * <p>The plain way, {@code make olddefconfig prepare modules_prepare}, takes 21 s and needs flex,
 * bison, bc and the development files of libelf and libssl, nearly all of it to compile kconfig,
 * objtool, genksyms and resolve_btfids. Debian ships the first two compiled from the same source,
 * and the others are not needed to compile a unit. So kbuild runs with those taken as made: 5 to 8
 * s. Everything that the compiler will read is still generated here, by kbuild, from the tree; and
 * then compared byte for byte with the generated headers that Debian's own build left in the
 * headers package. Copying those instead would save another second or two, but prove nothing: equal
 * results from two builds show that source, configuration and compiler are the kernel's.
 *
 * <p>It all runs in a sandbox, for makefiles are programs.
 */
final class TreePreparation {
    /**
     * Runs the ready-made conf with the environment that the top makefile gives it. The name of the
     * target ends in "config", so that the makefile does not ask for a configuration first. The
     * second run writes include/config/auto.conf and include/generated/autoconf.h.
     */
    private static final String CONFIGURE_RULE =
            "kitconfig: outputmakefile ; scripts/kconfig/conf --olddefconfig Kconfig && scripts/kconfig/conf --syncconfig Kconfig";

    /** As many names as a person reads. */
    private static final int NAMED = 10;

    /**
     * Generated headers that name the moment of a build. Taken from the headers package; only
     * init/version.c and the boot code read it.
     */
    private static final List<String> OF_THE_BUILD = List.of("include/generated/utsversion.h");

    private final Path tree;
    private final Path headers;
    private final List<String> makeArguments;
    private final Sandbox sandbox;

    /**
     * @param tree the unpacked source, changed in place
     * @param headers the unpacked headers package
     * @param programs where make, compiler and shell are taken from
     */
    TreePreparation(Path tree, Path headers, List<String> makeArguments, ProgramRoot programs) {
        this.tree = tree;
        this.headers = headers;
        this.makeArguments = List.copyOf(makeArguments);
        this.sandbox =
                Sandbox.of(Sandbox.Limits.KBUILD, programs).writableTree(tree).alternatives();
    }

    /**
     * Configures the tree as the kernel was.
     *
     * @param kbuild the unpacked linux-kbuild
     * @throws RebootlessException {@code RBL-CONFIG} (exit status 5) when the configuration comes
     *     out differently here
     */
    void configure(Path kbuild) throws IOException {
        copy(headers.resolve(".config"), tree.resolve(".config"));
        copy(headers.resolve("Module.symvers"), tree.resolve("Module.symvers"));
        copy(kbuild.resolve("scripts/kconfig/conf"), tree.resolve("scripts/kconfig/conf"));
        copy(objtool(kbuild), tree.resolve("tools/objtool/objtool"));
        copy(
                headers.resolve("include/generated/timeconst.h"),
                tree.resolve("include/generated/timeconst.h"));
        make("kitconfig", "--eval=" + CONFIGURE_RULE);
        ConfigCheck.requireEqual(
                KernelConfig.read(headers.resolve(".config")),
                KernelConfig.read(tree.resolve(".config")),
                ConfigCheck.AFTER_OLDDEFCONFIG,
                "the configuration after `make olddefconfig`");
    }

    /**
     * The objtool for x86. Newer linux-kbuild packages have one for each architecture, and under
     * the plain name a starter that picks by {@code SRCARCH}, which only kbuild sets.
     */
    private static Path objtool(Path kbuild) {
        Path folder = kbuild.resolve("tools/objtool");
        Path real = folder.resolve("objtool.real-x86");
        return Files.isRegularFile(real) ? real : folder.resolve("objtool");
    }

    /** Generates what the compiler reads, and the small programs that kbuild uses on the way. */
    void prepare() {
        make("prepare", "modules_prepare", "-j" + Runtime.getRuntime().availableProcessors());
    }

    /**
     * Compares what was generated with what the headers package has.
     *
     * @return how many headers were compared
     * @throws RebootlessException {@code RBL-GENERATED} (exit status 5) when one is not the same
     */
    int compareGenerated() throws IOException {
        for (String name : OF_THE_BUILD) {
            if (Files.exists(headers.resolve(name))) {
                copy(headers.resolve(name), tree.resolve(name));
            }
        }
        List<String> different = new ArrayList<>();
        int compared = 0;
        for (String root : List.of("include/generated", "arch/x86/include/generated")) {
            List<Path> files;
            try (Stream<Path> walk = Files.walk(headers.resolve(root))) {
                files = walk.filter(Files::isRegularFile).sorted().toList();
            }
            for (Path file : files) {
                Path name = headers.relativize(file);
                Path ours = tree.resolve(name);
                compared++;
                if (!Files.isRegularFile(ours)
                        || !Arrays.equals(Files.readAllBytes(file), Files.readAllBytes(ours))) {
                    different.add(name.toString());
                }
            }
        }
        if (!different.isEmpty()) {
            throw RebootlessException.environment(
                    "RBL-GENERATED",
                    String.join(", ", different.subList(0, Math.min(NAMED, different.size()))),
                    "came out differently here than in the build of the kernel ("
                            + different.size()
                            + " of "
                            + compared
                            + " generated headers)",
                    "see that compiler and binutils are those of the Debian release that built the kernel, and that all packages are of one version");
        }
        return compared;
    }

    private void make(String... targets) {
        List<String> command = new ArrayList<>(List.of("make"));
        command.addAll(makeArguments);
        command.addAll(List.of(targets));
        Subprocess.Result result = sandbox.run(command);
        if (!result.ok()) {
            if (result.all().contains("No space left on device")) {
                throw Disk.full(tree.toString());
            }
            throw RebootlessException.environment(
                    "RBL-KBUILD",
                    "make " + targets[0],
                    "failed: " + lastLines(result.err().isBlank() ? result.out() : result.err()),
                    "see that compiler, make and binutils work, and that the source package is unaltered");
        }
    }

    private static String lastLines(String output) {
        List<String> lines = output.strip().lines().toList();
        return String.join("\n", lines.subList(Math.max(0, lines.size() - NAMED), lines.size()));
    }

    private static void copy(Path from, Path to) throws IOException {
        if (!Files.isRegularFile(from)) {
            throw RebootlessException.environment(
                    "RBL-PACKAGE",
                    from.getFileName().toString(),
                    "is missing in the headers or kbuild package",
                    "fetch the package again");
        }
        Files.createDirectories(to.resolveSibling("."));
        Files.copy(
                from, to, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.COPY_ATTRIBUTES);
    }
}
