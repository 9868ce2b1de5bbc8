package dev.rebootless.build.runpre;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Subprocess;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * A copy of a kit whose tree can be made wrong. Files of the tree are hard links to those of the
 * kit: one is only ever replaced, never written to.
 */
final class TamperedKit implements AutoCloseable {
    private final Path folder;
    private final Kit original;
    private final Kit kit;
    private final Set<String> edited = new TreeSet<>();

    private TamperedKit(Path folder, Kit original) {
        this.folder = folder;
        this.original = original;
        this.kit = new Kit(folder, original.facts());
    }

    static TamperedKit of(Kit original) {
        try {
            // Beside the kits, since hard links do not leave a file system.
            Path folder =
                    Files.createTempDirectory(
                            Files.createDirectories(Kits.userCache().resolve("test-kits")), "kit-");
            for (String same :
                    List.of("vmlinux", "vmlinuz", "modules", "Module.symvers", "config")) {
                Files.createSymbolicLink(folder.resolve(same), original.folder().resolve(same));
            }
            run("cp", "-al", original.tree().toString(), folder.resolve("tree").toString());
            TamperedKit kit = new TamperedKit(folder, original);
            kit.restore();
            return kit;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Undoes all edits, and forgets what was compiled with them. */
    void restore() {
        try {
            for (String path : edited) {
                Files.deleteIfExists(file(path));
                Files.createLink(file(path), original.tree().resolve(path));
            }
            edited.clear();
            AtomicFiles.removeTree(kit.unitCache());
            Files.createDirectories(kit.unitCache());
            Path commands = original.unitCache().resolve("commands");
            if (Files.isDirectory(commands)) {
                run("cp", "-a", commands.toString(), kit.unitCache() + "/commands");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void run(String... command) {
        Subprocess.Result result = Subprocess.of(command).run();
        if (!result.ok()) {
            throw new IllegalStateException(String.join(" ", command) + ": " + result.all());
        }
    }

    Kit kit() {
        return kit;
    }

    Path file(String path) {
        return kit.tree().resolve(path);
    }

    /** Replaces one occurrence of a text, which must be there once, in a file of the tree. */
    void edit(String path, String before, String after) {
        edited.add(path);
        edit(
                file(path),
                text -> {
                    if (text.split(java.util.regex.Pattern.quote(before), -1).length != 2) {
                        throw new IllegalStateException(
                                path + " does not have this once: " + before);
                    }
                    return text.replace(before, after);
                });
    }

    /** Changes the compile commands that are kept for a folder, asking kbuild for them first. */
    void editCommands(String source, UnaryOperator<String> change) {
        StockKit.commands(kit).of(source);
        String folder = source.substring(0, source.lastIndexOf('/'));
        edit(
                kit.unitCache().resolve("commands").resolve(folder.replace('/', '+') + ".json"),
                text -> {
                    String other = change.apply(text);
                    if (other.equals(text)) {
                        throw new IllegalStateException("nothing to change in " + folder);
                    }
                    return other;
                });
    }

    private static void edit(Path file, UnaryOperator<String> change) {
        try {
            String text = Files.readString(file);
            // Deleted first: the file is a link to the kit's own.
            Files.delete(file);
            Files.writeString(file, change.apply(text));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() throws IOException {
        AtomicFiles.removeTree(folder);
        try (Stream<Path> left = Files.list(Kits.userCache().resolve("test-kits"))) {
            if (left.findAny().isPresent()) {
                return;
            }
        }
        Files.deleteIfExists(Kits.userCache().resolve("test-kits"));
    }
}
