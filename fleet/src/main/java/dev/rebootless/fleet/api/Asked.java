package dev.rebootless.fleet.api;

import dev.rebootless.fleet.web.HttpFault;
import dev.rebootless.fleet.web.Request;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The query of a request for a list. A parameter that the route does not have is not understood: a
 * filter with a spelling mistake must not answer with everything.
 */
final class Asked {
    private static final int LONGEST = 300;
    private static final int MOST_ROWS = 200;
    private static final int USUAL_ROWS = 50;

    private final String path;
    private final Map<String, String> query;

    Asked(Request request, Set<String> known) {
        this.path = request.path();
        this.query = request.query();
        for (Map.Entry<String, String> each : query.entrySet()) {
            if (!known.contains(each.getKey())) {
                throw HttpFault.notUnderstood(
                        path,
                        "there is no such parameter; there are "
                                + String.join(", ", sorted(known)));
            }
            if (each.getValue().length() > LONGEST || each.getValue().indexOf('\0') >= 0) {
                throw bad(each.getKey());
            }
        }
    }

    private static java.util.SortedSet<String> sorted(Set<String> known) {
        return new java.util.TreeSet<>(known);
    }

    HttpFault bad(String name) {
        return HttpFault.notUnderstood(path, "the parameter " + name + " is not what it can be");
    }

    Optional<String> text(String name) {
        return Optional.ofNullable(query.get(name)).filter(value -> !value.isEmpty());
    }

    Optional<Boolean> flag(String name) {
        return text(name)
                .map(value ->
                        switch (value) {
                            case "true" -> true;
                            case "false" -> false;
                            default -> throw bad(name);
                        });
    }

    /** One of some words. */
    Optional<String> word(String name, Set<String> words) {
        Optional<String> value = text(name);
        if (value.filter(v -> !words.contains(v)).isPresent()) {
            throw bad(name);
        }
        return value;
    }

    Optional<Long> number(String name) {
        return text(name)
                .map(value -> {
                    if (!value.matches("[0-9]{1,18}")) {
                        throw bad(name);
                    }
                    return Long.parseLong(value);
                });
    }

    int limit() {
        long limit = number("limit").orElse((long) USUAL_ROWS);
        if (limit < 1 || limit > MOST_ROWS) {
            throw bad("limit");
        }
        return (int) limit;
    }
}
