package dev.rebootless.source.kit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Reads and writes {@code kit.json}. */
final class KitJson {
    /** A real one has 3 kB. */
    private static final int MAX_BYTES = 1 << 20;

    private static final ObjectMapper MAPPER =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private KitJson() {}

    static String write(KitFacts facts) {
        return MAPPER.writeValueAsString(facts) + "\n";
    }

    /**
     * The kit in a folder. Empty when there is none, or one that this version cannot read: a kit
     * without a whole {@code kit.json} does not exist.
     */
    static Optional<Kit> read(Path folder) throws IOException {
        Path file = folder.resolve(Kit.FACTS);
        if (!Files.isRegularFile(file) || Files.size(file) > MAX_BYTES) {
            return Optional.empty();
        }
        try {
            KitFacts facts = MAPPER.readValue(Files.readAllBytes(file), KitFacts.class);
            Kit kit = new Kit(folder, facts);
            return facts.schemaVersion() == KitFacts.SCHEMA_VERSION
                            && folder.endsWith(facts.buildId())
                            && Files.isRegularFile(kit.image())
                            && Files.isDirectory(kit.tree())
                            && Files.isDirectory(kit.programs().folder())
                    ? Optional.of(kit)
                    : Optional.empty();
        } catch (JacksonException | NullPointerException e) {
            return Optional.empty();
        }
    }
}
