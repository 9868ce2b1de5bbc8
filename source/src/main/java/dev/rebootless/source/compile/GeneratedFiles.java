package dev.rebootless.source.compile;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Subprocess;
import dev.rebootless.source.sandbox.Sandbox;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * Files that kbuild generates only when a unit needs them: {@code make prepare} makes what all
 * units share, but not {@code lib/crc32table.h}, {@code security/selinux/flask.h} or the parsers
 * that {@code .asn1} files become. When gcc misses a file, kbuild is asked to make the unit once,
 * which makes its prerequisites.
 *
 * <p>make does not write into the tree, for it may be killed in the middle of a file, and compilers
 * read the tree meanwhile. Inside the sandbox a copy of the folder whose Makefile lists the unit
 * takes the folder's place; all files that units include are generated beside what they are made
 * of. When make is done, what it added for compilers to include is put into the tree, each file
 * whole or not at all and always the same, so that no lock is needed: who comes second writes the
 * same bytes. What was there already stays as it is, and so do objects and helper programs stay
 * out.
 */
final class GeneratedFiles {
    private final Path cache;
    private final KernelTree kernel;
    private final Map<String, Boolean> tried = new ConcurrentHashMap<>();

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
     * Has kbuild make what the unpatched unit needs; once for each unit.
     *
     * @return whether kbuild could make the unit, so that compiling it again may help
     */
    boolean make(UnitCommand unit) {
        return tried.computeIfAbsent(unit.source(), source -> run(unit));
    }

    private boolean run(UnitCommand unit) {
        Path work = null;
        try {
            Files.createDirectories(cache);
            work = Files.createTempDirectory(cache, ".make-");
            String folder = folderOfItsMakefile(unit);
            Path original = kernel.folder().resolve(folder);
            Path copy = work.resolve("copy");
            // With the times, by which make knows what is made already.
            Subprocess.Result copied =
                    Subprocess.of("cp", "-a", "--", original.toString(), copy.toString()).run();
            if (!copied.ok()) {
                throw new IOException("cannot copy " + original + ": " + copied.all());
            }
            // The Makefile of arch/x86 does not descend for one object of its lib/, only for all.
            boolean made =
                    make(unit.object(), folder, copy)
                            || (!folder.isEmpty() && make(folder + "/", folder, copy));
            if (made) {
                publish(copy, original);
            }
            return made;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            AtomicFiles.removeTreeQuietly(work);
        }
    }

    private boolean make(String target, String folder, Path copy) {
        List<String> make = new ArrayList<>(List.of("make"));
        make.addAll(kernel.make());
        make.add(target);
        return Sandbox.of(Sandbox.Limits.KBUILD, kernel.programs())
                .tree(kernel.folder())
                .writable(copy, Sandbox.TREE + "/" + folder)
                .alternatives()
                .run(make)
                .ok();
    }

    /** {@code security/selinux} for {@code security/selinux/ss/services.c}. */
    private String folderOfItsMakefile(UnitCommand unit) {
        String folder = parentOf(unit.targetFile());
        if (!folder.isEmpty() && unit.source().startsWith(folder + "/")) {
            return folder;
        }
        // Assembler says no target: arch/x86/kvm/vmx has no Makefile, arch/x86/kvm has.
        String nearest = parentOf(unit.source());
        while (!nearest.isEmpty() && !hasMakefile(nearest)) {
            nearest = parentOf(nearest);
        }
        return nearest.isEmpty() ? parentOf(unit.source()) : nearest;
    }

    private boolean hasMakefile(String folder) {
        Path path = kernel.folder().resolve(folder);
        return Files.isRegularFile(path.resolve("Makefile"))
                || Files.isRegularFile(path.resolve("Kbuild"));
    }

    private static String parentOf(String path) {
        return path.substring(0, Math.max(path.lastIndexOf('/'), 0));
    }

    private static void publish(Path copy, Path original) throws IOException {
        List<Path> files;
        try (Stream<Path> walk = Files.walk(copy)) {
            files = walk.filter(GeneratedFiles::maybeIncluded).sorted().toList();
        }
        for (Path file : files) {
            Path target = original.resolve(copy.relativize(file));
            if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
                Files.createDirectories(target.toAbsolutePath().getParent());
                AtomicFiles.write(target, Files.readAllBytes(file));
            }
        }
    }

    private static boolean maybeIncluded(Path file) {
        String name = String.valueOf(file.getFileName());
        return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
                && !name.startsWith(".")
                && (name.endsWith(".h") || name.endsWith(".c") || name.endsWith(".S"));
    }
}
