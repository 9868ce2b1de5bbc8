package dev.rebootless.manifest;

import dev.rebootless.base.RebootlessException;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Manifests and the file beside a module as JSON ({@code docs/contract-manifest.md}). */
public final class ManifestJson {
    private ManifestJson() {}

    /** A manifest is read from a module that may be foreign: at most this many characters. */
    private static final int MAX_LENGTH = 16 << 20;

    private static final JsonMapper MAPPER =
            JsonMapper.builder()
                    .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                    .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                    .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
                    .build();

    private static final JsonMapper PRETTY =
            MAPPER.rebuild().enable(SerializationFeature.INDENT_OUTPUT).build();

    /**
     * What stands in the JSON file beside a module. The proof is absent where the build was told
     * not to test.
     */
    public record ModuleFile(Manifest manifest, String moduleSha256, Optional<Proof> proof) {}

    /** The manifest in one line, as it is embedded in the module. */
    public static String compact(Manifest manifest) {
        return MAPPER.writeValueAsString(tree(manifest));
    }

    /** The level came later than the other fields, and is left out where there is none. */
    private static JsonNode tree(Manifest manifest) {
        ObjectNode tree = MAPPER.valueToTree(manifest);
        if (manifest.level().isEmpty()) {
            tree.remove("level");
        }
        return tree;
    }

    /**
     * Reads what {@link #compact} wrote.
     *
     * @throws RebootlessException exit status 2, {@code RBL-MANIFEST}, when it is none
     */
    public static Manifest parse(String json) {
        if (json.length() > MAX_LENGTH) {
            throw damaged("it is too long");
        }
        try {
            JsonNode tree = MAPPER.readTree(json);
            requireSchema(tree);
            if (tree instanceof ObjectNode object && !object.has("level")) {
                object.putNull("level");
            }
            return MAPPER.treeToValue(tree, Manifest.class);
        } catch (JacksonException | NullPointerException e) {
            throw damaged(String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
        }
    }

    /**
     * Reads what {@link #beside} wrote.
     *
     * @throws RebootlessException exit status 2, {@code RBL-MANIFEST}, when it is none
     */
    public static ModuleFile readBeside(String json) {
        if (json.length() > MAX_LENGTH) {
            throw damaged("it is too long");
        }
        try {
            JsonNode tree = MAPPER.readTree(json);
            requireSchema(tree);
            JsonNode proof = tree.path("proof");
            return new ModuleFile(
                    parse(MAPPER.writeValueAsString(tree.path("manifest"))),
                    tree.path("moduleSha256").asString(""),
                    proof.isObject()
                            ? Optional.of(MAPPER.treeToValue(proof, Proof.class))
                            : Optional.empty());
        } catch (JacksonException | IllegalArgumentException | NullPointerException e) {
            throw damaged(String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
        }
    }

    private static void requireSchema(JsonNode tree) {
        int version = tree.path("schemaVersion").asInt(0);
        if (version != Manifest.SCHEMA_VERSION) {
            throw damaged(
                    "its schemaVersion is " + version + ", known is " + Manifest.SCHEMA_VERSION);
        }
    }

    private static RebootlessException damaged(String why) {
        return RebootlessException.usage(
                "RBL-MANIFEST",
                "",
                "the manifest cannot be read: " + why,
                "build the module again with this version");
    }

    /** The file beside a module: the manifest, the module's hash, and the proof. */
    public static String beside(ModuleFile file) {
        ObjectNode tree = MAPPER.createObjectNode();
        tree.put("schemaVersion", Manifest.SCHEMA_VERSION);
        tree.put(
                "status",
                file.proof().map(p -> p.passed() ? "proven" : "failed").orElse("unproven"));
        tree.put("moduleSha256", file.moduleSha256());
        tree.set("manifest", tree(file.manifest()));
        tree.set(
                "proof", file.proof().<JsonNode>map(MAPPER::valueToTree).orElse(MAPPER.nullNode()));
        return PRETTY.writeValueAsString(tree) + "\n";
    }
}
