package dev.rebootless.source.kit;

import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * .deb files in a folder, as {@code kit add --from DIR} takes them. Nobody vouches for them, so all
 * reading is done in a sandbox.
 */
final class FolderPackages implements PackageSource {
    /** A folder with all kernel packages of Debian 12 has under 200. */
    private static final int MAX_FILES = 2_000;

    private final Path folder;
    private final Map<PackageRecord, Path> files;

    private FolderPackages(Path folder, Map<PackageRecord, Path> files) {
        this.folder = folder;
        this.files = files;
    }

    /**
     * Reads the control data of every {@code linux-*.deb} that is no debug package, and hashes it.
     *
     * @throws RebootlessException {@code RBL-PACKAGE} (exit status 5) when one of them is damaged;
     *     {@code RBL-PACKAGE-FOLDER} (exit status 2) when there is no such folder, or nothing in it
     */
    static FolderPackages open(Path folder) {
        Map<PackageRecord, Path> files = new LinkedHashMap<>();
        try (Stream<Path> listed = Files.list(folder)) {
            List<Path> debs =
                    listed.filter(f -> f.getFileName().toString().matches("linux-.*\\.deb"))
                            .filter(f -> !f.getFileName().toString().matches(".*-dbg_.*"))
                            .sorted()
                            .limit(MAX_FILES)
                            .toList();
            for (Path deb : debs) {
                var stanzas = ControlStanzas.parse(Unpacker.control(deb), deb.toString());
                if (stanzas.size() != 1) {
                    throw RebootlessException.environment(
                            "RBL-PACKAGE",
                            deb.toString(),
                            "does not hold the data of one package",
                            "fetch the package again");
                }
                files.put(
                        PackageRecord.of(stanzas.getFirst(), Files.size(deb), Hashes.sha256(deb)),
                        deb);
            }
        } catch (java.nio.file.NotDirectoryException | java.nio.file.NoSuchFileException e) {
            throw nothingThere(folder, e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (files.isEmpty()) {
            throw nothingThere(folder, null);
        }
        return new FolderPackages(folder, files);
    }

    private static RebootlessException nothingThere(
            Path folder, @org.jspecify.annotations.Nullable Throwable cause) {
        return new RebootlessException(
                dev.rebootless.base.ExitStatus.USAGE,
                List.of(
                        new dev.rebootless.base.Problem(
                                "RBL-PACKAGE-FOLDER",
                                folder.toString(),
                                "is no folder with linux-*.deb files",
                                "put the image, headers, kbuild and source packages of the release into one folder and name that")),
                cause);
    }

    @Override
    public List<PackageRecord> versions(Collection<String> names) {
        return files.keySet().stream().filter(p -> names.contains(p.name())).toList();
    }

    @Override
    public NavigableSet<String> names(String prefix) {
        NavigableSet<String> names = new TreeSet<>();
        files.keySet().stream()
                .map(PackageRecord::name)
                .filter(n -> n.startsWith(prefix))
                .forEach(names::add);
        return names;
    }

    @Override
    public Path fetch(PackageRecord wanted, Path into) {
        Path file = files.get(wanted);
        if (file == null) {
            throw new IllegalArgumentException("not from this folder: " + wanted.spec());
        }
        try {
            return Files.copy(file, into.resolve(wanted.fileName()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String describe() {
        return "the folder " + folder;
    }
}
