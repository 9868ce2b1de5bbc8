package dev.rebootless.source.compile;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.source.sandbox.Sandbox;
import java.util.ArrayList;
import java.util.List;

/**
 * What kbuild tells objtool, as the tree's own makefile derives it from the configuration.
 *
 * <p>The commands of units do not say it on every kernel: with IBT, objtool waits for the linked
 * whole ({@code delay-objtool} in scripts/Makefile.lib), where it can tell which functions need no
 * ENDBR. The variable that both ways use is {@code objtool-args}, so make is asked for its value.
 */
public final class ObjtoolFlags {
    private static final String TARGET = "rebootless-objtool-args";

    private ObjtoolFlags() {}

    /**
     * The flags for an object that becomes a module on its own, such as {@code --orc}, without the
     * program and the object.
     *
     * @throws RebootlessException exit status 5 {@code RBL-KBUILD} when make does not tell
     */
    public static List<String> ofModule(KernelTree kernel) {
        return of(kernel, List.of("part-of-module=y"));
    }

    /** As {@link #ofModule}, for a unit of vmlinux. */
    static List<String> ofBuiltIn(KernelTree kernel) {
        return of(kernel, List.of("part-of-module="));
    }

    private static List<String> of(KernelTree kernel, List<String> variables) {
        List<String> make = new ArrayList<>(List.of("make", "-s", "-f", "scripts/Makefile.lib"));
        make.addAll(
                List.of(
                        "--eval=include include/config/auto.conf",
                        "--eval=" + TARGET + ": ; @echo $(objtool-args)"));
        // The user's own arguments may set configuration symbols.
        make.addAll(kernel.make());
        make.addAll(variables);
        make.add(TARGET);
        Subprocess.Result result =
                Sandbox.of(Sandbox.Limits.KBUILD, kernel.programs())
                        .tree(kernel.folder())
                        .run(make);
        List<String> flags = List.of(result.out().strip().split("\\s+"));
        if (!result.ok() || flags.stream().anyMatch(f -> !f.startsWith("--"))) {
            throw RebootlessException.environment(
                    "RBL-KBUILD",
                    "scripts/Makefile.lib",
                    "make does not tell how objtool is called: " + result.all().strip(),
                    "prepare the kit again: rebootless kit remove, then kit add");
        }
        return flags;
    }
}
