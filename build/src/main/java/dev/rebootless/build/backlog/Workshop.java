package dev.rebootless.build.backlog;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.build.Build;
import dev.rebootless.build.BuildOutcome;
import dev.rebootless.build.BuildRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Builds livepatches of pieces. Safe for use by several threads, each with a name of its own. */
final class Workshop {
    private final Build build;
    private final History history;
    private final Path folder;

    /**
     * @param folder for patches and modules
     */
    Workshop(Build build, History history, Path folder) {
        this.build = build;
        this.history = history;
        this.folder = folder;
    }

    /**
     * Builds them, without a boot.
     *
     * @param name of the livepatch
     * @throws RebootlessException for anything but a refusal
     */
    Attempt build(String name, Pieces pieces, List<String> cves) {
        try {
            BuildRequest request =
                    new BuildRequest(
                            patches(folder.resolve("patches"), name, pieces),
                            folder.resolve("modules"),
                            Optional.of(name),
                            true,
                            cves,
                            false,
                            Optional.empty());
            return switch (build.run(request)) {
                case BuildOutcome.Built built ->
                        new Attempt.Built(
                                built.module(), built.json(), built.manifest(), built.concerns());
                case BuildOutcome.Unchanged(List<String> warnings) ->
                        new Attempt.Unchanged(warnings);
                case BuildOutcome.Explained _ ->
                        throw new IllegalStateException("a build does not end with an explanation");
            };
        } catch (RebootlessException e) {
            if (e.status() != ExitStatus.REFUSED) {
                throw e;
            }
            return new Attempt.Refused(e.problems());
        }
    }

    /** The patches of pieces as files of a folder, in order. */
    List<Path> patches(Path into, String name, Pieces pieces) {
        List<String> texts = history.patches(pieces);
        List<Path> files = new ArrayList<>();
        try {
            Files.createDirectories(into);
            for (int i = 0; i < texts.size(); i++) {
                Path file = into.resolve("%s-%02d.patch".formatted(name, i));
                Files.writeString(file, texts.get(i), StandardCharsets.ISO_8859_1);
                files.add(file);
            }
            // Of a try before that had more.
            for (int i = texts.size(); ; i++) {
                if (!Files.deleteIfExists(into.resolve("%s-%02d.patch".formatted(name, i)))) {
                    break;
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return files;
    }
}
