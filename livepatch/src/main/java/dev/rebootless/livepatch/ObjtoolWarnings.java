package dev.rebootless.livepatch;

import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What objtool may say of a module: nothing, but for what is listed here with its reason. */
final class ObjtoolWarnings {
    private ObjtoolWarnings() {}

    /**
     * A pointer of struct klp_func to a body without ENDBR: gcc leaves it out of static functions
     * that are only called directly. The kernel never calls through that pointer: ftrace's
     * trampoline returns to it (arch/x86/kernel/ftrace_64.S), which IBT does not track.
     */
    private static final Pattern BODY_WITHOUT_ENDBR =
            Pattern.compile(
                    "\\S+: warning: objtool: (?:"
                            + Pattern.quote(Descriptor.PATCH)
                            + "|"
                            + Pattern.quote(Descriptor.DATA)
                            + ")\\+0x[0-9a-f]+: data relocation to !ENDBR: (\\S+)\\+0x0");

    /**
     * The lines that speak against the module.
     *
     * @param said all that objtool printed
     * @param bodies names of the new bodies of replaced functions
     */
    static List<String> of(String said, Set<String> bodies) {
        return said.lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .filter(line -> {
                    Matcher matcher = BODY_WITHOUT_ENDBR.matcher(line);
                    return !matcher.matches() || !bodies.contains(matcher.group(1));
                })
                .toList();
    }
}
