package dev.rebootless.build.backlog;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.cve.CveId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a reviewer said of fixes for one kernel build: a yes counts as long as the fix is made of
 * the same pieces.
 *
 * @param reviews by CVE
 */
public record Reviews(SortedMap<String, Reviews.Review> reviews) {
    private static final int SCHEMA_VERSION = 1;

    private static final JsonMapper MAPPER =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    public Reviews {
        reviews = Collections.unmodifiableSortedMap(new TreeMap<>(reviews));
    }

    /**
     * One answer.
     *
     * @param accepted yes or no
     * @param key of the outcome that was looked at
     * @param date ISO 8601
     */
    public record Review(boolean accepted, String key, String date) {}

    private record Content(int schemaVersion, SortedMap<String, Review> reviews) {}

    /**
     * Reads the file; none at all is empty.
     *
     * @throws RebootlessException exit status 5 {@code RBL-REVIEWS} when it is damaged: an answer
     *     must not be lost without a word
     */
    public static Reviews read(Path file) {
        if (!Files.exists(file)) {
            return new Reviews(new TreeMap<>());
        }
        try {
            Content content = MAPPER.readValue(Files.readAllBytes(file), Content.class);
            if (content.schemaVersion() != SCHEMA_VERSION || content.reviews() == null) {
                throw damaged(file, "its schemaVersion is " + content.schemaVersion());
            }
            return new Reviews(content.reviews());
        } catch (IOException | JacksonException e) {
            throw damaged(file, String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
        }
    }

    private static RebootlessException damaged(Path file, String why) {
        return RebootlessException.environment(
                "RBL-REVIEWS",
                file.toString(),
                "what reviewers said cannot be read: " + why,
                "mend the file, or move it away and review again");
    }

    /** The answer to an outcome; empty when nobody gave one, or the outcome is another now. */
    public Optional<Boolean> of(Outcome outcome) {
        return Optional.ofNullable(reviews.get(outcome.cve()))
                .filter(r -> !r.accepted() || r.key().equals(outcome.key()))
                .map(Review::accepted);
    }

    /** With answers to some outcomes, written to the file. */
    public Reviews with(
            Path file, Collection<Outcome> outcomes, List<CveId> yes, List<CveId> no, Instant now) {
        TreeMap<String, Review> all = new TreeMap<>(reviews);
        for (Outcome outcome : outcomes) {
            CveId id = new CveId(outcome.cve());
            if (yes.contains(id) || no.contains(id)) {
                all.put(id.text(), new Review(yes.contains(id), outcome.key(), now.toString()));
            }
        }
        try {
            AtomicFiles.write(file, MAPPER.writeValueAsBytes(new Content(SCHEMA_VERSION, all)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Reviews(all);
    }
}
