package dev.rebootless.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.AnnotatedElementContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.io.TempDirFactory;

/** Where a workspace is made. */
class WorkspaceTest {
    private static final Path TMP = Path.of("/tmp");

    /** Not below TMPDIR, which may be private itself; and short, as a workspace has to be. */
    @TempDir(factory = InTmp.class)
    Path folder;

    static final class InTmp implements TempDirFactory {
        @Override
        public Path createTempDirectory(AnnotatedElementContext element, ExtensionContext extension)
                throws IOException {
            return Files.createDirectory(TMP.resolve("w" + Long.toString(System.nanoTime(), 36)));
        }
    }

    private Path temporary(String permissionsAbove) throws IOException {
        Path above = Files.createDirectory(folder.resolve("a"));
        Path temporary = Files.createDirectory(above.resolve("t"));
        Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rwxrwxrwx"));
        Files.setPosixFilePermissions(above, PosixFilePermissions.fromString(permissionsAbove));
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx--x--x"));
        return temporary;
    }

    private static Path parent(Path temporary, boolean handedOver) throws IOException {
        try (Workspace workspace = Workspace.create(temporary, handedOver)) {
            assertThat(workspace.folder()).isDirectory();
            return workspace.folder().resolve("..").toRealPath();
        }
    }

    @Test
    void belowAPrivateFolderQemuOfAnotherUserCouldNotReachItSoItIsInTmp() throws IOException {
        Path temporary = temporary("rwx------");
        assertThat(parent(temporary, true)).isEqualTo(TMP);
        assertThat(temporary).isEmptyDirectory();
    }

    @Test
    void belowAPrivateFolderItStaysWhereQemuIsOurOwnUser() throws IOException {
        Path temporary = temporary("rwx------");
        assertThat(parent(temporary, false)).isEqualTo(temporary);
    }

    @Test
    void belowAFolderThatEverybodyMayPassItStays() throws IOException {
        Path temporary = temporary("rwx--x--x");
        assertThat(parent(temporary, true)).isEqualTo(temporary);
    }

    @Test
    void aFolderBehindALinkIsJudgedByWhereItIs() throws IOException {
        Path temporary = temporary("rwx------");
        Path link = Files.createSymbolicLink(folder.resolve("link"), temporary);
        assertThat(parent(link, true)).isEqualTo(TMP);
    }

    @Test
    void whereTheNameWouldBeTooLongForASocketItIsInTmp() throws IOException {
        Path deep = Files.createDirectories(temporary("rwx--x--x").resolve("d".repeat(80)));
        assertThat(parent(deep, true)).isEqualTo(TMP);
        assertThat(deep).isEmptyDirectory();
    }
}
