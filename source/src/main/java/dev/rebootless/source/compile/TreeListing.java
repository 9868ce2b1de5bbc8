package dev.rebootless.source.compile;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The files of a tree that have to do with includes.
 *
 * @param sources C, assembler and headers, each with its size and time
 * @param buildFiles Makefiles and scripts, which may read a header as text
 * @param commands what kbuild recorded of what it made already ({@code .NAME.cmd})
 */
record TreeListing(
        Path tree, Map<String, String> sources, List<String> buildFiles, List<String> commands) {
    /** A tree has 85,000 files. */
    private static final int MAX_FILES = 1_000_000;

    private static final long MAX_BUILD_FILE_BYTES = 4 << 20;

    /** No object is built from these. */
    private static final Set<String> LEFT_OUT =
            Set.of("Documentation", "LICENSES", ".git", "samples", "rust");

    /** Lists of wrappers to make, by name alone (scripts/Makefile.asm-generic). */
    private static final Pattern WRAPPER_LIST = Pattern.compile("(?:arch/x86/)?include/.*");

    private static final Pattern HEADER_NAME = Pattern.compile("[A-Za-z0-9_./+-]+\\.h\\b");

    static TreeListing of(Path tree) throws IOException {
        Map<String, String> sources = new HashMap<>();
        List<String> buildFiles = new ArrayList<>();
        List<String> commands = new ArrayList<>();
        Files.walkFileTree(
                tree,
                new SimpleFileVisitor<>() {
                    private int seen;

                    @Override
                    public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes a) {
                        return isLeftOut(tree.relativize(folder))
                                ? FileVisitResult.SKIP_SUBTREE
                                : FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes a)
                            throws IOException {
                        if (++seen > MAX_FILES) {
                            throw new IOException("more than " + MAX_FILES + " files");
                        }
                        String name = String.valueOf(file.getFileName());
                        String path = tree.relativize(file).toString();
                        if (name.endsWith(".h") || name.endsWith(".c") || name.endsWith(".S")) {
                            sources.put(path, a.size() + " " + a.lastModifiedTime().toMillis());
                        } else if (name.startsWith(".") && name.endsWith(".cmd")) {
                            commands.add(path);
                        } else if (isBuildFile(path, name)) {
                            buildFiles.add(path);
                        }
                        return FileVisitResult.CONTINUE;
                    }
                });
        return new TreeListing(tree, sources, buildFiles, commands);
    }

    private static boolean isLeftOut(Path folder) {
        String path = folder.toString();
        return LEFT_OUT.contains(path) || (path.matches("arch/[^/]+") && !path.equals("arch/x86"));
    }

    private static boolean isBuildFile(String path, String name) {
        return !path.startsWith("tools/")
                && !WRAPPER_LIST.matcher(path).matches()
                && (name.startsWith("Makefile")
                        || name.startsWith("Kbuild")
                        || name.endsWith(".sh")
                        || name.endsWith(".awk"));
    }

    /**
     * The Makefiles and scripts that read a header as text ({@code lib/Makefile} makes names of
     * {@code include/linux/oid_registry.h}), as {@code file: line}. A header that they only give to
     * the compiler is not meant.
     */
    List<String> readersOf(Set<String> headers) throws IOException {
        TreeSet<String> readers = new TreeSet<>();
        for (String path : buildFiles) {
            Path file = tree.resolve(path);
            if (Files.size(file) > MAX_BUILD_FILE_BYTES) {
                readers.add(path + ": (too large to be read)");
                continue;
            }
            String text = Files.readString(file, StandardCharsets.ISO_8859_1);
            if (text.contains(".h")) {
                text.lines()
                        .map(line -> line.replaceFirst("(^|\\s)#.*", ""))
                        .filter(line -> !line.contains("-include"))
                        .filter(line -> names(line, headers))
                        .forEach(line -> readers.add(path + ": " + line.strip()));
            }
        }
        return List.copyOf(readers);
    }

    private static boolean names(String line, Set<String> headers) {
        Matcher name = HEADER_NAME.matcher(line);
        while (name.find()) {
            String path = name.group().replaceFirst("^(?:\\.{0,2}/)+", "");
            if (headers.stream().anyMatch(h -> h.equals(path) || h.endsWith("/" + path))) {
                return true;
            }
        }
        return false;
    }

    /**
     * What kbuild made already of files that the compiler or a script read.
     *
     * @param compile how the compiler made it; empty when something else did
     */
    record Made(String target, List<SideCommand> compile, Set<String> read) {}

    /** What {@code scripts/basic/fixdep} wrote: {@code cmd_X := …} and {@code deps_X := …}. */
    List<Made> made(String compiler) throws IOException {
        List<Made> all = new ArrayList<>();
        for (String path : commands) {
            if (path.startsWith("tools/")) {
                // objtool and others, of headers of their own.
                continue;
            }
            String text =
                    Files.readString(tree.resolve(path), StandardCharsets.ISO_8859_1)
                            .replace("\\\n", " ");
            Matcher command = Pattern.compile("(?m)^(?:saved)?cmd_(\\S+) := (.*)$").matcher(text);
            if (!command.find()) {
                continue;
            }
            List<SideCommand> compile =
                    ShellCommands.of(command.group(2).replace("$(pound)", "#").replace("$$", "$"))
                            .stream()
                            .filter(c -> c.getFirst().equals(compiler))
                            .flatMap(c -> SideCommand.of(c, Set.of()).stream())
                            .toList();
            Set<String> read = new TreeSet<>();
            Matcher name = HEADER_NAME.matcher(text);
            while (name.find()) {
                inTree(name.group()).ifPresent(read::add);
            }
            all.add(new Made(command.group(1), compile, read));
        }
        return all;
    }

    private static Optional<String> inTree(String name) {
        Path path = Path.of(name).normalize();
        return path.isAbsolute() || path.startsWith("..")
                ? Optional.empty()
                : Optional.of(path.toString());
    }
}
