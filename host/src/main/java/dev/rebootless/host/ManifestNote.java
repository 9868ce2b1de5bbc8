package dev.rebootless.host;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.files.JsonObject;
import dev.rebootless.kernel.Notes;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.Manifest.Input;
import dev.rebootless.manifest.Manifest.PatchedFunction;
import dev.rebootless.manifest.Manifest.TargetObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads manifests ({@code docs/contract-manifest.md}) without the library that writes them, which
 * is many times larger than all that a host needs and takes longer to start than all that it does.
 */
final class ManifestNote {
    /** As large as a manifest may be for {@code ManifestJson}. */
    private static final int MAX_LENGTH = 16 << 20;

    private static final Pattern OBJECT = Pattern.compile("[A-Za-z0-9_]{1,55}");

    private ManifestNote() {}

    /**
     * Reads a manifest out of the bytes of its section.
     *
     * @throws RebootlessException exit status 2, {@code RBL-MANIFEST}, when it is none
     */
    static Manifest of(byte[] section) {
        byte[] json =
                Notes.find(section, Manifest.NOTE_NAME, Manifest.NOTE_TYPE)
                        .orElseThrow(() -> damaged("its note is damaged"));
        return parse(new String(json, StandardCharsets.UTF_8));
    }

    /**
     * Reads the JSON of a note.
     *
     * @throws RebootlessException exit status 2, {@code RBL-MANIFEST}, when it is none
     */
    static Manifest parse(String json) {
        if (json.length() > MAX_LENGTH) {
            throw damaged("it is too long");
        }
        try {
            return manifest(new Node("", JsonObject.parse(json)));
        } catch (JsonObject.NoneException e) {
            throw damaged(String.valueOf(e.getMessage()));
        }
    }

    private static Manifest manifest(Node node) {
        int version = node.number("schemaVersion");
        if (version != Manifest.SCHEMA_VERSION) {
            throw damaged(
                    "its schemaVersion is " + version + ", known is " + Manifest.SCHEMA_VERSION);
        }
        Node kernel = node.object("kernel");
        return new Manifest(
                version,
                node.text("name"),
                node.text("module"),
                node.flag("replace"),
                node.texts("cves"),
                new Manifest.Kernel(
                        kernel.text("release"),
                        kernel.text("buildId"),
                        kernel.text("packageVersion"),
                        kernel.text("vermagic")),
                inputs(node.object("inputs")),
                node.each("objects", ManifestNote::target),
                node.texts("added"),
                node.texts("warnings"),
                node.optionalObject("level").map(ManifestNote::level));
    }

    private static Manifest.Level level(Node node) {
        return new Manifest.Level(
                node.text("running"),
                node.text("to"),
                node.number("exposed"),
                node.texts("notAffected"),
                node.texts("unreviewed"),
                node.texts("waiting"));
    }

    private static Manifest.Inputs inputs(Node node) {
        return new Manifest.Inputs(
                node.each("patches", ManifestNote::input),
                input(node.object("source")),
                input(node.object("image")),
                input(node.object("config")),
                input(node.object("exports")),
                input(node.object("compiler")),
                input(node.object("objtool")),
                node.text("tool"));
    }

    private static Input input(Node node) {
        return new Input(node.text("name"), node.text("sha256"));
    }

    private static TargetObject target(Node node) {
        String name = node.text("name");
        // It becomes part of paths below /sys.
        if (!OBJECT.matcher(name).matches()) {
            throw damaged("'" + name + "' is no target object");
        }
        return new TargetObject(
                name, node.optionalText("buildId"), node.each("functions", ManifestNote::function));
    }

    private static PatchedFunction function(Node node) {
        return new PatchedFunction(node.text("name"), node.number("sympos"), node.text("unit"));
    }

    private static RebootlessException damaged(String why) {
        return RebootlessException.usage(
                "RBL-MANIFEST",
                "",
                "the manifest cannot be read: " + why,
                "build the module again with this version");
    }

    /** An object of the JSON, and where it stands. */
    private record Node(String place, Map<String, Object> fields) {
        private RebootlessException wrong(String field, String wanted) {
            return damaged(place + field + " is not " + wanted);
        }

        private @Nullable Object value(String field) {
            return fields.get(field);
        }

        String text(String field) {
            return optionalText(field).orElseThrow(() -> wrong(field, "a text"));
        }

        Optional<String> optionalText(String field) {
            return switch (value(field)) {
                case null -> Optional.empty();
                case String text -> Optional.of(text);
                default -> throw wrong(field, "a text");
            };
        }

        int number(String field) {
            if (value(field) instanceof Number number
                    && number.doubleValue() == number.intValue()) {
                return number.intValue();
            }
            throw wrong(field, "a number");
        }

        boolean flag(String field) {
            if (value(field) instanceof Boolean flag) {
                return flag;
            }
            throw wrong(field, "true or false");
        }

        Node object(String field) {
            return node(field, value(field));
        }

        Optional<Node> optionalObject(String field) {
            return value(field) == null ? Optional.empty() : Optional.of(object(field));
        }

        private Node node(String field, @Nullable Object value) {
            if (!(value instanceof Map<?, ?> map)) {
                throw wrong(field, "an object");
            }
            Map<String, Object> typed = new java.util.LinkedHashMap<>();
            map.forEach((key, each) -> typed.put(String.valueOf(key), each));
            return new Node(place + field + ".", typed);
        }

        <T> List<T> each(String field, Function<Node, T> of) {
            List<T> all = new ArrayList<>();
            for (Object one : list(field)) {
                all.add(of.apply(node(field, one)));
            }
            return all;
        }

        List<String> texts(String field) {
            List<String> all = new ArrayList<>();
            for (Object one : list(field)) {
                if (!(one instanceof String text)) {
                    throw wrong(field, "a list of texts");
                }
                all.add(text);
            }
            return all;
        }

        private List<?> list(String field) {
            if (value(field) instanceof List<?> list) {
                return list;
            }
            throw wrong(field, "a list");
        }
    }
}
