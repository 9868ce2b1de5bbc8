package dev.rebootless.source.compile;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A run of the compiler that makes no unit of one target object: assembler, the vDSO, linker
 * scripts, programs that make a part of the kernel. No livepatch can carry a change of what it
 * makes, so a header that it reads must leave that as it is.
 *
 * @param source what it reads
 * @param arguments as of {@link UnitCommand#arguments}
 * @param targetFile as of {@link UnitCommand#targetFile}; empty where it is not known
 */
record SideCommand(String source, List<String> arguments, Kind kind, String targetFile) {
    SideCommand(String source, List<String> arguments, Kind kind) {
        this(source, arguments, kind, "");
    }

    /** A unit, to be asked what it reads. */
    static SideCommand of(UnitCommand unit) {
        return new SideCommand(
                unit.source(), unit.arguments(), Kind.OTHER_OBJECT, unit.targetFile());
    }

    SideCommand {
        arguments = List.copyOf(arguments);
    }

    enum Kind {
        /** C that becomes part of neither vmlinux nor a module: the vDSO, purgatory. */
        OTHER_OBJECT("-c"),
        /** C whose one object is linked into several modules, or into vmlinux and a module. */
        SHARED_OBJECT("-c"),
        /** Assembler, {@code .S}. */
        ASSEMBLER("-c"),
        /** C whose assembler text other files are made of: {@code asm-offsets.c}. */
        CONSTANTS("-S"),
        /** A linker script, which is preprocessed. */
        LINKER_SCRIPT("-E"),
        /** A program that is run while the kernel is made. */
        PROGRAM("-E");

        private final String mode;

        Kind(String mode) {
            this.mode = mode;
        }

        /** How far the compiler goes; {@code -E} where its output is not compared further. */
        String mode() {
            return mode;
        }
    }

    /**
     * Reads a command line of the compiler; empty when it reads no source, as when it links.
     *
     * @param dropped arguments that only the planning put in
     */
    static List<SideCommand> of(List<String> command, Set<String> dropped) {
        List<String> sources = new ArrayList<>();
        List<String> arguments = new ArrayList<>();
        Set<String> modes = new java.util.HashSet<>();
        for (int i = 1; i < command.size(); i++) {
            String word = command.get(i);
            if (word.equals("-o")) {
                i++;
            } else if (Set.of("-include", "-imacros", "-isystem", "-I").contains(word)
                    && i + 1 < command.size()) {
                arguments.add(word);
                arguments.add(command.get(++i));
            } else if (Set.of("-c", "-S", "-E").contains(word)) {
                modes.add(word);
            } else if (!word.startsWith("-") && word.matches(".*\\.[cS]")) {
                sources.add(Path.of(word).normalize().toString());
            } else if (!word.startsWith("-Wp,-M") && !dropped.contains(word)) {
                arguments.add(word);
            }
        }
        return sources.stream()
                .map(source -> new SideCommand(source, arguments, kind(source, modes, arguments)))
                .toList();
    }

    private static Kind kind(String source, Set<String> modes, List<String> arguments) {
        if (!arguments.contains("-D__KERNEL__") && !source.endsWith(".S")) {
            // Even when linked later: a part of a program.
            return modes.contains("-S") ? Kind.CONSTANTS : Kind.PROGRAM;
        }
        if (modes.contains("-E")) {
            return Kind.LINKER_SCRIPT;
        }
        if (modes.contains("-S")) {
            return Kind.CONSTANTS;
        }
        if (!modes.contains("-c")) {
            return Kind.PROGRAM;
        }
        return source.endsWith(".S") ? Kind.ASSEMBLER : Kind.OTHER_OBJECT;
    }

    /** As one that kbuild could be asked to make, for what is generated for it. */
    UnitCommand asUnit() {
        return new UnitCommand(source, arguments, List.of(), "", targetFile);
    }
}
