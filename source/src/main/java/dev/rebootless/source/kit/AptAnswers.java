package dev.rebootless.source.kit;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.Lazy;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * What apt answered, kept for as long as nothing that it reads has changed: its lists and sources,
 * and what is installed, by path, size and time. Asking apt itself takes a second and more. What
 * cannot be kept or read is asked again.
 */
final class AptAnswers {
    /** Where Debian's apt has them (apt.conf(5), FILES; Dir::State and Dir::Etc). */
    private static final List<Path> READ =
            List.of(
                    Path.of("/var/lib/apt/lists"),
                    Path.of("/etc/apt"),
                    Path.of("/var/lib/dpkg/status"));

    private final Path folder;
    private final List<Path> read;

    /** It does not change while a command runs; each of its questions would walk all lists. */
    private final Lazy<String> state = new Lazy<>(this::state);

    /**
     * @param folder of the cache
     */
    AptAnswers(Path folder) {
        this(folder, READ);
    }

    AptAnswers(Path folder, List<Path> read) {
        this.folder = folder;
        this.read = List.copyOf(read);
    }

    /** The kept answer to a command, or what asking gives. */
    String of(List<String> command, Supplier<String> ask) {
        Path file;
        try {
            Path now = folder.resolve(state.get());
            file = now.resolve(sha256(String.join("\n", command)));
            if (Files.isRegularFile(file)) {
                return Files.readString(file);
            }
            if (!Files.isDirectory(now)) {
                // What was answered to another state is of no use any more.
                AtomicFiles.removeTree(folder);
                Files.createDirectories(now);
            }
        } catch (IOException | UncheckedIOException e) {
            return ask.get();
        }
        String answer = ask.get();
        if (answer.isBlank()) {
            // Maybe it failed.
            return answer;
        }
        try {
            AtomicFiles.write(file, answer.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            // It is asked again the next time.
            return answer;
        }
        return answer;
    }

    private String state() {
        StringBuilder text = new StringBuilder();
        for (Path root : read) {
            if (!Files.exists(root)) {
                continue;
            }
            try (Stream<Path> files = Files.walk(root)) {
                for (Path file : files.sorted().toList()) {
                    // apt's own scratch folder is not for every user.
                    if (Files.isReadable(file) && Files.isRegularFile(file)) {
                        BasicFileAttributes is =
                                Files.readAttributes(file, BasicFileAttributes.class);
                        text.append(file)
                                .append(' ')
                                .append(is.size())
                                .append(' ')
                                .append(is.lastModifiedTime().toMillis())
                                .append('\n');
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return sha256(text.toString());
    }

    private static String sha256(String text) {
        return Hashes.sha256(text.getBytes(StandardCharsets.UTF_8));
    }
}
