package dev.rebootless.diff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Subprocess;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The compiler of the Debian 12 kernels with the options that kbuild gives it for x86-64 (those of
 * {@code kernel/fork.c} in 6.1, without paths, warnings and definitions). Every source is compiled
 * as {@code unit.c} in a folder of its own, so that no path finds its way into an object.
 *
 * @param options what is given besides
 */
record Gcc(List<String> options) {
    private static final List<String> KBUILD =
            List.of(
                    ("-std=gnu11 -O2 -fno-strict-aliasing -fno-common -fshort-wchar -fno-PIE -mno-sse -mno-mmx"
                                    + " -mno-sse2 -mno-3dnow -mno-avx -fcf-protection=none -m64 -falign-jumps=1"
                                    + " -falign-loops=1 -mno-80387 -mno-fp-ret-in-387"
                                    + " -mpreferred-stack-boundary=3 -mskip-rax-setup -mtune=generic"
                                    + " -mno-red-zone -mcmodel=kernel -fno-asynchronous-unwind-tables"
                                    + " -mindirect-branch=thunk-extern -mindirect-branch-register"
                                    + " -mindirect-branch-cs-prefix -mfunction-return=thunk-extern"
                                    + " -fno-jump-tables -mharden-sls=all -fno-delete-null-pointer-checks"
                                    + " -fno-allow-store-data-races -fno-stack-protector"
                                    + " -ftrivial-auto-var-init=zero -fno-strict-overflow -fconserve-stack"
                                    + " -pg -mrecord-mcount -mfentry -ffreestanding")
                            .split(" "));

    /** As Rebootless compiles units: every function and variable in a section of its own. */
    static final Gcc SECTIONS = new Gcc(List.of("-ffunction-sections", "-fdata-sections"));

    /** As kbuild does: one section for all, branches between its functions resolved. */
    static final Gcc WHOLE = new Gcc(List.of());

    /** The same with further options. */
    Gcc with(String... more) {
        List<String> all = new ArrayList<>(options);
        all.addAll(List.of(more));
        return new Gcc(List.copyOf(all));
    }

    /** Compiles a source; warnings that would show a faulty test source are errors. */
    ElfObject compile(String source) {
        return compile(source, "unit.c");
    }

    /** Assembles a source. */
    ElfObject assemble(String source) {
        return compile(source, "unit.s");
    }

    private ElfObject compile(String source, String name) {
        try {
            Path folder = Files.createTempDirectory("rebootless-diff-");
            try {
                Files.writeString(folder.resolve(name), source);
                List<String> command = new ArrayList<>(List.of("gcc-12"));
                command.addAll(KBUILD);
                command.addAll(options);
                command.addAll(List.of("-Werror=implicit", "-c", "-o", "unit.o", name));
                Subprocess.Result result = Subprocess.of(command).in(folder).run();
                assertThat(result.err()).isEmpty();
                return ElfReader.read(folder.resolve("unit.o"));
            } finally {
                AtomicFiles.removeTree(folder);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
