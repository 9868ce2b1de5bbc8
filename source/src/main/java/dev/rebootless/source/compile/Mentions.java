package dev.rebootless.source.compile;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;

/** Where in a tree names stand as words, in whatever text; searched with grep in 2 to 4 s. */
public record Mentions(Path tree) {
    /** The command line of more would be too long. */
    static final int MAX_NAMES = 500;

    /** Nothing that is compiled into the kernel. */
    private static final List<String> LEFT_OUT = List.of("Documentation", ".git", "LICENSES");

    /**
     * The files of code, assembler, headers and scripts of the build in which one of some names
     * stands.
     *
     * @param but files that are not looked at
     * @throws RebootlessException exit status 5 {@code RBL-KIT-TREE} where the tree cannot be
     *     searched
     */
    public NavigableSet<String> of(Set<String> names, Collection<String> but) {
        if (names.size() > MAX_NAMES) {
            throw new IllegalArgumentException(names.size() + " names");
        }
        List<String> grep = new ArrayList<>(List.of("grep", "-rlswF"));
        for (String name : List.of("*.[chS]", "*.lds", "*.lds.S", "Makefile*", "Kbuild*", "*.sh")) {
            grep.add("--include=" + name);
        }
        LEFT_OUT.forEach(folder -> grep.add("--exclude-dir=" + folder));
        names.forEach(name -> grep.addAll(List.of("-e", name)));
        grep.add(".");
        Subprocess.Result result = Subprocess.of(grep).in(tree).run();
        // grep exits with 1 when nothing matches.
        if (result.status() > 1) {
            throw RebootlessException.environment(
                    "RBL-KIT-TREE",
                    tree.toString(),
                    "the tree cannot be searched: " + result.err().strip(),
                    "prepare the kit again: rebootless kit remove, then kit add");
        }
        NavigableSet<String> found = new TreeSet<>();
        result.out()
                .lines()
                .map(line -> line.startsWith("./") ? line.substring(2) : line)
                .filter(path -> !but.contains(path))
                .forEach(found::add);
        return found;
    }
}
