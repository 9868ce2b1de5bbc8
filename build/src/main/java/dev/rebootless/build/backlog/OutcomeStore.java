package dev.rebootless.build.backlog;

import dev.rebootless.base.AtomicFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Outcomes as files, one for each CVE, so that an interrupted run goes on where it was. */
final class OutcomeStore {
    private static final JsonMapper MAPPER =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private final Path folder;

    OutcomeStore(Path folder) {
        this.folder = folder;
    }

    /** The outcome with a key; empty when there is none, or what is there is damaged. */
    Optional<Outcome> find(String cve, String key) {
        try {
            Outcome outcome = MAPPER.readValue(Files.readAllBytes(file(cve)), Outcome.class);
            return outcome.format() == Outcome.FORMAT && outcome.key().equals(key)
                    ? Optional.of(outcome)
                    : Optional.empty();
        } catch (IOException | JacksonException | NullPointerException e) {
            // Not there, or not ours: it is made anew.
            return Optional.empty();
        }
    }

    void keep(Outcome outcome) {
        try {
            Files.createDirectories(folder);
            AtomicFiles.write(file(outcome.cve()), MAPPER.writeValueAsBytes(outcome));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path file(String cve) {
        return folder.resolve(cve + ".json");
    }
}
