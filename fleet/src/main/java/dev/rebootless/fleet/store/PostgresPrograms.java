package dev.rebootless.fleet.store;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;

/** PostgreSQL's programs, as Zonky packs them: a tar archive in a jar. */
final class PostgresPrograms {
    private static final String ARCHIVE = "/postgres-linux-x86_64.txz";

    private PostgresPrograms() {}

    /** The folder that has them, unpacked at the first time; another version has another folder. */
    static Path in(Path folder, Progress progress) throws IOException {
        byte[] archive;
        try (InputStream in = PostgresPrograms.class.getResourceAsStream(ARCHIVE)) {
            if (in == null) {
                throw RebootlessException.environment(
                        "RBL-FLEET-POSTGRES",
                        System.getProperty("os.arch", ""),
                        "no PostgreSQL comes with Rebootless for this machine",
                        "give a database of your own with --database");
            }
            archive = in.readAllBytes();
        }
        Path programs = folder.resolve("programs-" + Hashes.sha256(archive).substring(0, 16));
        if (Files.isDirectory(programs)) {
            return programs;
        }
        progress.step("unpacking PostgreSQL");
        Path aside = folder.resolve("programs.new");
        AtomicFiles.removeTree(aside);
        Files.createDirectories(aside);
        try (TarArchiveInputStream tar =
                new TarArchiveInputStream(
                        new XZCompressorInputStream(new java.io.ByteArrayInputStream(archive)))) {
            for (TarArchiveEntry entry = tar.getNextEntry();
                    entry != null;
                    entry = tar.getNextEntry()) {
                unpack(tar, entry, aside);
            }
        }
        Files.move(aside, programs);
        return programs;
    }

    private static void unpack(TarArchiveInputStream tar, TarArchiveEntry entry, Path folder)
            throws IOException {
        Path file = folder.resolve(entry.getName()).normalize();
        if (!file.startsWith(folder)) {
            throw new IOException("an entry leads out of the archive: " + entry.getName());
        }
        if (entry.isDirectory()) {
            Files.createDirectories(file);
            return;
        }
        Files.createDirectories(file.resolveSibling("."));
        if (entry.isSymbolicLink()) {
            Files.createSymbolicLink(file, Path.of(entry.getLinkName()));
        } else {
            Files.copy(tar, file);
            Files.setPosixFilePermissions(
                    file,
                    PosixFilePermissions.fromString(
                            (entry.getMode() & 0100) != 0 ? "rwxr-xr-x" : "rw-r--r--"));
        }
    }
}
