package dev.rebootless.trust.tuf;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * A role to which the targets role leaves some paths (specification, section 4.5, DELEGATIONS).
 *
 * @param name of the role: letters, digits and hyphens, since its metadata are a file of that name
 * @param paths patterns of paths: {@code *} stands for any characters but a slash, {@code ?} for
 *     one
 * @param terminating whether roles after it are not asked for a path that is left to it
 */
public record Delegation(String name, RoleKeys keys, List<String> paths, boolean terminating) {
    private static final Pattern NAME = Pattern.compile("[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?");

    public Delegation {
        paths = List.copyOf(paths);
        if (!isName(name)) {
            throw TufFault.Attack.MALFORMED.of(
                    "delegations",
                    "a role is named with letters, digits and hyphens, and not as "
                            + "one of the top level");
        }
        paths.forEach(TargetPath::requirePattern);
    }

    /** Whether a role may be called so. */
    static boolean isName(String name) {
        return NAME.matcher(name).matches() && !TufRole.isTopLevel(name);
    }

    static Delegation of(Fields fields) {
        return new Delegation(
                fields.text("name"),
                RoleKeys.of(fields),
                fields.texts("paths"),
                fields.flag("terminating"));
    }

    Map<String, Object> fields() {
        Map<String, Object> fields = new TreeMap<>(keys.fields());
        fields.put("name", name);
        fields.put("paths", paths);
        fields.put("terminating", terminating);
        return fields;
    }

    /** Whether a path is left to it. */
    public boolean covers(String path) {
        return paths.stream().anyMatch(pattern -> TargetPath.matches(pattern, path));
    }
}
