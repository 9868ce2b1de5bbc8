package dev.rebootless.source.kit;

import dev.rebootless.kernel.DebianVersion;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One alternative of a relationship field such as {@code Depends} (Debian Policy 7.1): a package
 * name and, optionally, a bound on its version.
 *
 * @param relation one of {@code << <= = >= >>}; empty exactly when {@code version} is
 */
record Dependency(String name, Optional<String> relation, Optional<DebianVersion> version) {
    /** A kernel package has about ten. */
    private static final int MAX_RELATIONS = 5_000;

    private static final Pattern FORM =
            Pattern.compile(
                    "([a-z0-9][a-z0-9+.-]{1,200})(?::[a-z0-9-]{1,40})?\\s*(?:\\(\\s*(<<|<=|=|>=|>>)\\s*([A-Za-z0-9.+~:-]{1,256})\\s*\\))?");

    /**
     * All alternatives of a field in order, those of one relation beside the others: who asks for a
     * package by its name does not care which alternative it is. What has another form
     * (architecture lists, substitution variables) is left out.
     */
    static List<Dependency> parse(String field) {
        List<Dependency> found = new ArrayList<>();
        for (String each : field.split("[,|]", MAX_RELATIONS)) {
            Matcher matcher = FORM.matcher(each.strip());
            if (matcher.matches()) {
                found.add(
                        new Dependency(
                                matcher.group(1),
                                Optional.ofNullable(matcher.group(2)),
                                Optional.ofNullable(matcher.group(3)).map(DebianVersion::new)));
            }
        }
        return List.copyOf(found);
    }

    /** Whether a version is within the bound. */
    boolean admits(DebianVersion candidate) {
        if (relation.isEmpty() || version.isEmpty()) {
            return true;
        }
        int order = candidate.compareTo(version.get());
        return switch (relation.get()) {
            case "<<" -> order < 0;
            case "<=" -> order <= 0;
            case "=" -> order == 0;
            case ">=" -> order >= 0;
            default -> order > 0;
        };
    }
}
