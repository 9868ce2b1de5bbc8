package dev.rebootless.source.kit;

import dev.rebootless.source.compile.KernelTree;
import dev.rebootless.source.sandbox.ProgramRoot;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A finished kit: all that is needed to build for one kernel build. Nothing in it changes any more
 * but {@link #unitCache}.
 *
 * @param folder {@code …/kits/RELEASE/BUILDID}
 */
public record Kit(Path folder, KitFacts facts) {
    static final String FACTS = "kit.json";
    static final String TOOLCHAIN = "toolchain";

    /**
     * The source tree, configured and prepared. Never write into it: kbuild itself must run on a
     * writable copy or overlay, because where it cannot write, its probes for compiler options fail
     * without a word and the flags come out wrong.
     */
    public Path tree() {
        return folder.resolve("tree");
    }

    /** The decompressed kernel, an ELF file without symbol table. */
    public Path image() {
        return folder.resolve("vmlinux");
    }

    /** {@code vmlinuz} as shipped, to boot. */
    public Path bootImage() {
        return folder.resolve("vmlinuz");
    }

    /** The shipped {@code lib/modules/RELEASE}: {@code kernel/}, modules.order, modules.builtin. */
    public Path modules() {
        return folder.resolve("modules");
    }

    /** The exports and their CRCs. */
    public Path symvers() {
        return folder.resolve("Module.symvers");
    }

    /** The configuration as the image package ships it. */
    public Path config() {
        return folder.resolve("config");
    }

    /** For compile commands and compiled originals; may be emptied at any time. */
    public Path unitCache() {
        return folder.resolve("units");
    }

    /** The tree as the compiler of units takes it. */
    public KernelTree kernelTree() {
        return new KernelTree(
                tree(), unitCache(), facts.compiler().program(), facts.makeArguments(), programs());
    }

    /** Where the programs are that the kit was made with: in the kit, or this machine's. */
    public ProgramRoot programs() {
        return facts.toolchain().isPresent()
                ? new ProgramRoot(folder.resolve(TOOLCHAIN))
                : ProgramRoot.HOST;
    }

    /** The kernel's own objtool, ready-made. */
    public Path objtool() {
        return tree().resolve("tools/objtool/objtool");
    }

    /**
     * The command that makes kbuild targets, such as {@code fs/proc/meminfo.o}, when run in the
     * tree (or a writable copy of it).
     */
    public List<String> make(List<String> targets) {
        List<String> command = new ArrayList<>(List.of("make"));
        command.addAll(facts.makeArguments());
        command.addAll(targets);
        return List.copyOf(command);
    }
}
