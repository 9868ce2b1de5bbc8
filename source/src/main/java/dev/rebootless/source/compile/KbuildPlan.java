package dev.rebootless.source.compile;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Reads what {@code make -n FOLDER/} prints: the commands that kbuild would run for a folder and
 * those below it. Three rules of {@code scripts/Makefile.build} matter:
 *
 * <ul>
 *   <li>{@code cmd_cc_o_c}: {@code CC … -c -o X.o X.c}, and where it applies {@code ;
 *       ./tools/objtool/objtool … X.o};
 *   <li>{@code cmd_ar_builtin} and {@code cmd_ar}: what goes into {@code built-in.a} and {@code
 *       lib.a}, and so into vmlinux;
 *   <li>{@code cmd_mod}: the objects of each module ({@code printf '%s\n' A.o B.o | awk '…
 *       print("FOLDER/"$0) …' > FOLDER/M.mod}).
 * </ul>
 *
 * An object that is compiled but named by neither of the last two (the vDSO, purgatory, real mode
 * code) is no part of a target object.
 */
final class KbuildPlan {
    /** The largest folder, drivers/, prints some 20,000 lines. */
    private static final int MAX_LINES = 1_000_000;

    /** What no line without can be of use. */
    private static final Pattern NAMES_A_FILE = Pattern.compile("\\.[ochS]\\b");

    private static final Pattern SOURCE = Pattern.compile("[A-Za-z0-9_./+-]+\\.[chS]");

    private record Compile(String source, List<String> arguments, List<String> objtool) {}

    private final String compiler;
    private final Set<String> dropped;

    /** By object. */
    private final Map<String, Compile> compiles = new LinkedHashMap<>();

    private final List<SideCommand> sides = new ArrayList<>();

    /** Every word that may be the path of a source or header. */
    private final Set<String> named = new TreeSet<>();

    private final Set<String> builtIn = new HashSet<>();

    /** The paths of its modules without suffix, by object. */
    private final Map<String, Set<String>> modules = new HashMap<>();

    private KbuildPlan(String compiler, Set<String> dropped) {
        this.compiler = compiler;
        this.dropped = dropped;
    }

    /**
     * @param linked the units that become part of a target object
     * @param unlinked sources that are compiled for something else
     * @param shared sources whose one object is linked into several modules, or into vmlinux and a
     *     module
     * @param sides what else the compiler is run for, with those of {@code unlinked} and {@code
     *     shared}
     * @param named every path of a source or header that stands in a command as a word, so also
     *     those that a command writes
     */
    record Units(
            List<UnitCommand> linked,
            List<String> unlinked,
            List<String> shared,
            List<SideCommand> sides,
            Set<String> named) {}

    /**
     * Reads a plan.
     *
     * @param compiler the program that make was told to use as {@code CC}
     * @param dropped arguments that only the planning put in
     */
    static Units read(Stream<String> lines, String compiler, Set<String> dropped) {
        KbuildPlan plan = new KbuildPlan(compiler, dropped);
        lines.limit(MAX_LINES)
                // No path has a zero byte in it.
                .filter(l -> l.indexOf('\0') < 0 && NAMES_A_FILE.matcher(l).find())
                .forEach(plan::line);
        return plan.units();
    }

    private void line(String line) {
        List<List<String>> commands = ShellCommands.of(line);
        for (int i = 0; i < commands.size(); i++) {
            List<String> command = commands.get(i);
            String program = command.getFirst();
            for (String word : command) {
                String path = word.startsWith(">") ? word.substring(1) : word;
                if (SOURCE.matcher(path).matches() && !path.startsWith("/")) {
                    named.add(normalised(path));
                }
            }
            if (program.equals(compiler)) {
                List<String> following = i + 1 < commands.size() ? commands.get(i + 1) : List.of();
                if (!compile(command, following)) {
                    sides.addAll(SideCommand.of(command, dropped));
                }
            } else if (program.equals("printf") && i + 1 < commands.size()) {
                printed(command, commands.get(i + 1));
            } else if (program.endsWith("ar") && command.size() > 3) {
                archive(command);
            }
        }
    }

    /** Whether the command compiles a unit. */
    private boolean compile(List<String> command, List<String> following) {
        String source = command.getLast();
        int output = command.lastIndexOf("-o");
        if (!source.endsWith(".c")
                || !command.contains("-c")
                || output < 0
                || output + 1 >= command.size()
                || !command.get(output + 1).equals(objectOf(source))) {
            return false;
        }
        List<String> arguments = new ArrayList<>();
        for (int i = 1; i < command.size() - 1; i++) {
            String argument = command.get(i);
            if (i == output) {
                i++;
            } else if (!argument.equals("-c")
                    && !argument.startsWith("-Wp,-M")
                    && !dropped.contains(argument)) {
                arguments.add(argument);
            }
        }
        if (source.contains("/../")) {
            // The file is given to gcc by its plain path, and __FILE__ must be what the Makefile
            // wrote: arch/x86/kvm/../../../virt/kvm/kvm_main.c.
            arguments.add("-fmacro-prefix-map=" + normalised(source) + "=" + source);
        }
        boolean checked =
                !following.isEmpty()
                        && following.getFirst().endsWith("/objtool")
                        && following.getLast().equals(objectOf(source));
        List<String> objtool =
                checked ? following.subList(1, following.size() - 1) : List.<String>of();
        compiles.put(
                normalised(objectOf(source)), new Compile(normalised(source), arguments, objtool));
        return true;
    }

    /** {@code printf "FOLDER/%s " A.o B.o | xargs ar cDPrST FOLDER/built-in.a}, or a .mod file. */
    private void printed(List<String> printf, List<String> reader) {
        List<String> names = printf.subList(Math.min(2, printf.size()), printf.size());
        String format = printf.size() > 1 ? printf.get(1) : "";
        if (reader.getFirst().equals("xargs") && reader.getLast().endsWith("/built-in.a")) {
            String folder = format.replaceFirst("%s.*", "");
            names.stream()
                    .filter(n -> n.endsWith(".o"))
                    .forEach(n -> builtIn.add(normalised(folder + n)));
        } else if (reader.getFirst().endsWith("awk") && reader.getLast().endsWith(".mod")) {
            String module = reader.getLast().substring(0, reader.getLast().length() - 4);
            String folder = module.substring(0, module.lastIndexOf('/') + 1);
            names.stream()
                    .filter(n -> n.endsWith(".o"))
                    .forEach(n ->
                            modules.computeIfAbsent(normalised(folder + n), k -> new TreeSet<>())
                                    .add(module));
        }
    }

    /** {@code ar cDPrsT FOLDER/lib.a FOLDER/A.o FOLDER/B.o}. */
    private void archive(List<String> ar) {
        if (ar.get(2).endsWith("/lib.a")) {
            ar.subList(3, ar.size()).forEach(o -> builtIn.add(normalised(o)));
        }
    }

    private Units units() {
        List<UnitCommand> linked = new ArrayList<>();
        List<String> unlinked = new ArrayList<>();
        List<String> shared = new ArrayList<>();
        compiles.forEach((object, compile) -> {
            Set<String> owners = modules.getOrDefault(object, Set.of());
            boolean inVmlinux = builtIn.contains(object);
            if (owners.size() + (inVmlinux ? 1 : 0) > 1) {
                shared.add(compile.source());
                sides.add(side(compile, SideCommand.Kind.SHARED_OBJECT));
            } else if (inVmlinux) {
                linked.add(command(compile, UnitCommand.VMLINUX, modFile(compile)));
            } else if (owners.isEmpty()) {
                unlinked.add(compile.source());
                sides.add(side(compile, SideCommand.Kind.OTHER_OBJECT));
            } else {
                String module = owners.iterator().next();
                linked.add(command(compile, moduleName(module), module));
            }
        });
        return new Units(linked, unlinked, shared, sides, named);
    }

    private static SideCommand side(Compile compile, SideCommand.Kind kind) {
        return new SideCommand(compile.source(), compile.arguments(), kind);
    }

    private static UnitCommand command(Compile compile, String target, String targetFile) {
        return new UnitCommand(
                compile.source(), compile.arguments(), compile.objtool(), target, targetFile);
    }

    /** scripts/Makefile.lib, name-fix-token: a module's name has {@code _} for {@code -}. */
    private static String moduleName(String module) {
        return module.substring(module.lastIndexOf('/') + 1).replace('-', '_').replace(',', '_');
    }

    /** scripts/Makefile.lib, modfile_flags: {@code -DKBUILD_MODFILE='"fs/proc/proc"'}. */
    private static String modFile(Compile compile) {
        String define = "-DKBUILD_MODFILE=\"";
        return compile.arguments().stream()
                .filter(a -> a.startsWith(define) && a.endsWith("\""))
                .map(a -> a.substring(define.length(), a.length() - 1))
                .findFirst()
                .orElseGet(() -> compile.source().substring(0, compile.source().length() - 2));
    }

    private static String objectOf(String source) {
        return source.substring(0, source.length() - 2) + ".o";
    }

    /** Without {@code ./} and {@code FOLDER/../}, which a few Makefiles write. */
    private static String normalised(String path) {
        return java.nio.file.Path.of(path).normalize().toString();
    }
}
