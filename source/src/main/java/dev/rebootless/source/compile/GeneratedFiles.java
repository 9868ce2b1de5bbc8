package dev.rebootless.source.compile;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Subprocess;
import dev.rebootless.source.sandbox.Sandbox;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Files that kbuild generates only when a unit needs them: {@code make prepare} makes what all
 * units share, but not {@code lib/crc32table.h}, {@code security/selinux/flask.h} or the parsers
 * that {@code .asn1} files become. When gcc misses a file, kbuild is asked to make the unit once,
 * which makes its prerequisites; this only adds files to the tree, always the same ones.
 */
final class GeneratedFiles {
    private final Path cache;
    private final KernelTree kernel;
    private final ConcurrentHashMap<String, Boolean> tried = new ConcurrentHashMap<>();

    GeneratedFiles(KernelTree kernel) {
        this.cache = kernel.unitCache();
        this.kernel = kernel;
    }

    /** Whether gcc ended because it found no file of some name. */
    static boolean areMissing(Subprocess.Result gcc) {
        return !gcc.ok()
                && gcc.err().contains("fatal error: ")
                && gcc.err().contains(": No such file or directory");
    }

    /**
     * Has kbuild make what the unpatched unit needs; once in a process, and in one process at a
     * time.
     *
     * @return whether kbuild could make the unit, so that compiling it again may help
     */
    boolean make(UnitCommand unit) {
        return tried.computeIfAbsent(unit.source(), source -> run(unit));
    }

    private boolean run(UnitCommand unit) {
        Path out = null;
        try {
            Files.createDirectories(cache);
            out = Files.createTempDirectory(cache, ".make-");
            List<String> make = new ArrayList<>();
            make.add("make");
            make.addAll(kernel.make());
            make.add(unit.object());
            try (FileChannel channel =
                            FileChannel.open(
                                    cache.resolve("make.lock"),
                                    StandardOpenOption.CREATE,
                                    StandardOpenOption.WRITE);
                    FileLock lock = channel.lock()) {
                return lock.isValid()
                        && Sandbox.of(Sandbox.Limits.KBUILD)
                                .writableTree(kernel.folder())
                                .alternatives()
                                .out(out)
                                .run(make)
                                .ok();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            removeQuietly(out);
        }
    }

    private static void removeQuietly(@Nullable Path folder) {
        try {
            if (folder != null) {
                AtomicFiles.removeTree(folder);
            }
        } catch (IOException e) {
            // An empty folder left in the cache is no reason to fail.
        }
    }
}
