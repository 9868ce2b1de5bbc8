package dev.rebootless.source.sandbox;

import java.nio.file.Path;

/**
 * The root folder whose programs and libraries a {@link Sandbox} shows: this machine's, or one that
 * was unpacked from the packages of another suite of Debian.
 *
 * @param folder absolute; has {@code usr}, and {@code bin}, {@code lib} and {@code lib64} as links
 *     into it or as folders
 */
public record ProgramRoot(Path folder) {
    /** This machine's own. */
    public static final ProgramRoot HOST = new ProgramRoot(Path.of("/"));

    public ProgramRoot {
        folder = folder.toAbsolutePath().normalize();
    }

    /** Where on this machine a file is that has this absolute path inside. */
    public Path outside(Path inside) {
        return folder.resolve(Path.of("/").relativize(inside));
    }

    /** Whether it is this machine's own. */
    public boolean isHost() {
        return folder.equals(HOST.folder);
    }
}
