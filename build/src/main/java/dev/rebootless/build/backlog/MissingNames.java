package dev.rebootless.build.backlog;

import dev.rebootless.base.Problem;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The names that a refusal says are missing: of the compiler's errors, or of unknown symbols. */
final class MissingNames {
    /** gcc's quotation marks, of a UTF-8 locale or of another. */
    private static final String OPEN = "[‘'`]";

    private static final String CLOSE = "[’']";

    /** Errors of gcc's C front end that another declaration would mend. */
    private static final List<Pattern> ERRORS =
            List.of(
                    Pattern.compile("implicit declaration of function " + OPEN + "(\\w+)" + CLOSE),
                    Pattern.compile(OPEN + "(\\w+)" + CLOSE + " undeclared"),
                    Pattern.compile("has no member named " + OPEN + "(\\w+)" + CLOSE),
                    // What DEFINE_CLASS and DEFINE_GUARD glue together (include/linux/cleanup.h).
                    Pattern.compile("unknown type name " + OPEN + "class_(\\w+)_t" + CLOSE),
                    Pattern.compile("unknown type name " + OPEN + "(\\w+)" + CLOSE),
                    Pattern.compile(
                            "too (?:many|few) arguments to function " + OPEN + "(\\w+)" + CLOSE),
                    Pattern.compile("conflicting types for " + OPEN + "(\\w+)" + CLOSE),
                    Pattern.compile(
                            "(?:static|non-static) declaration of " + OPEN + "(\\w+)" + CLOSE),
                    Pattern.compile("macro \"(\\w+)\" (?:passed|requires) \\d+"),
                    Pattern.compile(
                            "(?:undefined type|incomplete type|storage size of) "
                                    + OPEN
                                    + "(?:struct |union |enum )?(\\w+)"
                                    + CLOSE));

    private MissingNames() {}

    /** In the order in which they are named. */
    static Set<String> of(List<Problem> problems) {
        Set<String> names = new LinkedHashSet<>();
        for (Problem problem : problems) {
            switch (problem.code()) {
                case "RBL-COMPILE" -> {
                    for (Pattern error : ERRORS) {
                        Matcher matcher = error.matcher(problem.message());
                        while (matcher.find()) {
                            names.add(matcher.group(1));
                        }
                    }
                }
                case "RBL-SYMBOL-UNKNOWN", "RBL-GLOBAL-ELSEWHERE" -> names.add(problem.place());
                default -> {}
            }
        }
        return names;
    }
}
