package dev.rebootless.source.compile;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which objects one kbuild Makefile lists as its folder's own, whether the configuration switches
 * them on or not: those of {@code obj-y}, {@code obj-$(CONFIG_X)} and {@code lib-y}, and those of
 * the composite objects in them ({@code Documentation/kbuild/makefiles.rst}, 3 "The kbuild files").
 *
 * <p>It is read as text, without make, since for make the branches that a configuration leaves out
 * are not there. What only make could expand is not found; and a list of another form, such as
 * {@code AMDGPUDM := amdgpu_dm.o} for the Makefile of another folder, is not taken for one of this
 * folder.
 */
final class ObjectLists {
    /** The largest Makefile below a kernel's top has about 60 kB; what is larger lists nothing. */
    private static final long MAX_BYTES = 4 << 20;

    /** Lists within lists; a kernel has three. */
    private static final int MAX_DEPTH = 50;

    private static final int SHOWN_CHARS = 100;

    private static final Pattern LIST =
            Pattern.compile(
                    "\\s*([A-Za-z0-9_.,+-]+)-(y|m|objs|\\$[({].*?[)}]+)\\s*([:+?]?=)\\s*(.*)");

    /** {@code $(mmu-y)}: one list in another. */
    private static final Pattern REFERENCE =
            Pattern.compile("\\$[({]([A-Za-z0-9_.,+-]+)-(?:y|m|objs)[)}]");

    private static final Pattern ADD_PREFIX =
            Pattern.compile("\\$\\(addprefix\\s+([^,$()\\s]+)\\s*,([^()]*)\\)");

    /** One statement: the objects and other lists that it adds to the list of a stem. */
    private record Statement(String stem, List<String> objects, Set<String> lists, String text) {}

    private final List<Statement> statements = new ArrayList<>();

    private ObjectLists() {}

    static ObjectLists read(Path makefile) throws IOException {
        return Files.size(makefile) > MAX_BYTES
                ? new ObjectLists()
                : of(Files.readString(makefile, StandardCharsets.ISO_8859_1));
    }

    static ObjectLists of(String makefile) {
        ObjectLists lists = new ObjectLists();
        StringBuilder logical = new StringBuilder();
        for (String line : makefile.lines().toList()) {
            String text = line.replaceFirst("(^|\\s)#.*", "");
            if (text.endsWith("\\")) {
                logical.append(text, 0, text.length() - 1).append(' ');
            } else {
                lists.statement(logical.append(text).toString());
                logical.setLength(0);
            }
        }
        lists.statement(logical.toString());
        return lists;
    }

    private void statement(String line) {
        Matcher list = LIST.matcher(line);
        if (!list.matches()) {
            return;
        }
        String values = list.group(4);
        Set<String> references = new HashSet<>();
        Matcher reference = REFERENCE.matcher(values);
        while (reference.find()) {
            references.add(reference.group(1));
        }
        List<String> objects = new ArrayList<>();
        for (String word : prefixed(values).strip().split("\\s+")) {
            String object = word.replaceFirst("^\\$\\((?:obj|src)\\)/", "");
            if (object.endsWith(".o") && object.indexOf('$') < 0 && object.indexOf('\0') < 0) {
                objects.add(Path.of(object).normalize().toString());
            }
        }
        String text = line.strip().replaceAll("\\s+", " ");
        statements.add(new Statement(list.group(1), objects, references, text));
    }

    /** {@code $(addprefix libxfs/, xfs_ag.o)} written out. */
    private static String prefixed(String values) {
        StringBuilder out = new StringBuilder();
        Matcher call = ADD_PREFIX.matcher(values);
        while (call.find()) {
            StringBuilder words = new StringBuilder();
            for (String word : call.group(2).strip().split("\\s+")) {
                words.append(call.group(1)).append(word).append(' ');
            }
            call.appendReplacement(out, Matcher.quoteReplacement(words.toString()));
        }
        return call.appendTail(out).toString();
    }

    /**
     * The statement that lists an object, with the one of the composite object that it is part of;
     * empty when none of this folder's own lists has it.
     *
     * @param object its path as seen from the Makefile's folder
     */
    Optional<String> listing(String object) {
        return listing(object, new HashSet<>());
    }

    private Optional<String> listing(String object, Set<String> seen) {
        for (Statement statement : statements) {
            if (statement.objects().contains(object)) {
                Optional<String> owner = owner(statement.stem(), seen);
                if (owner.isPresent()) {
                    return Optional.of(shown(statement, object) + owner.get());
                }
            }
        }
        return Optional.empty();
    }

    /** What makes a list one of the folder's own, as the rest of a message; seen ends circles. */
    private Optional<String> owner(String stem, Set<String> seen) {
        if (stem.equals("obj") || stem.equals("lib")) {
            return Optional.of("");
        }
        if (!seen.add(stem) || seen.size() > MAX_DEPTH) {
            return Optional.empty();
        }
        Optional<String> composite = listing(stem + ".o", seen).map(line -> "; " + line);
        if (composite.isPresent()) {
            return composite;
        }
        return statements.stream()
                .filter(s -> s.lists().contains(stem))
                .flatMap(s -> owner(s.stem(), seen).stream())
                .findFirst();
    }

    private static String shown(Statement statement, String object) {
        String text = statement.text();
        return text.length() <= SHOWN_CHARS
                ? text
                : text.replaceFirst("([:+?]?=).*", "$1") + " … " + object + " …";
    }
}
