package dev.rebootless.kernel;

import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The modules that a kernel was shipped with: {@code lib/modules/RELEASE} of its image package.
 * Immutable; the folder must stay as it is.
 *
 * <p>Packages have no {@code modules.dep}: depmod writes that where they are installed. So what a
 * module needs is read from the module itself. Names are the kernel's: {@code -} in a file's name
 * is {@code _} (KBUILD_MODNAME, scripts/Makefile.lib), and either is understood.
 */
public final class ShippedModules {
    /** A generic kernel's has some 4,000. */
    private static final int MAX_FILES = 50_000;

    /** A kernel's has 8. */
    private static final int MAX_DEPTH = 24;

    /** {@code modules.builtin} of a generic kernel has 20 kB. */
    private static final int MAX_LIST_BYTES = 4 << 20;

    /**
     * What one module needs, itself counted; the most that a generic kernel's needs are some 20.
     */
    private static final int MAX_CHAIN = 256;

    /** What is behind {@code .ko} in scripts/Makefile.modinst: {@code suffix-y}. */
    private static final Pattern FILE_NAME = Pattern.compile("(.+)\\.ko(?:\\.(?:xz|gz|zst))?");

    private final Path folder;
    private final Map<String, List<Path>> files;
    private final Set<String> builtIn;

    private ShippedModules(Path folder, Map<String, List<Path>> files, Set<String> builtIn) {
        this.folder = folder;
        this.files = files;
        this.builtIn = builtIn;
    }

    /**
     * Lists a folder.
     *
     * @param folder with {@code kernel/} and, where it has one, {@code modules.builtin}; links in
     *     it are not followed
     * @throws IOException when it cannot be read
     * @throws RebootlessException {@code RBL-KERNEL-MODULE} (exit status 2) when it is no folder of
     *     a kernel's modules
     */
    public static ShippedModules of(Path folder) throws IOException {
        Path top = folder.resolve("kernel");
        if (!Files.isDirectory(top, LinkOption.NOFOLLOW_LINKS)) {
            throw BadFile.MODULE.problem(
                    folder.toString(), "it has no folder kernel/: it is no lib/modules/RELEASE");
        }
        Map<String, List<Path>> files = new TreeMap<>();
        try (Stream<Path> walk = Files.walk(top, MAX_DEPTH)) {
            List<Path> found =
                    walk.filter(p -> Files.isRegularFile(p, LinkOption.NOFOLLOW_LINKS))
                            .limit(MAX_FILES + 1)
                            .sorted()
                            .toList();
            if (found.size() > MAX_FILES) {
                throw BadFile.MODULE.problem(
                        folder.toString(), "it has more than " + MAX_FILES + " files");
            }
            for (Path file : found) {
                nameIn(file.toString())
                        .ifPresent(name ->
                                files.computeIfAbsent(name, _ -> new ArrayList<>()).add(file));
            }
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        return new ShippedModules(folder, files, builtIn(folder.resolve("modules.builtin")));
    }

    /** {@code modules.builtin} has a line such as {@code kernel/fs/binfmt_script.ko} for each. */
    private static Set<String> builtIn(Path list) throws IOException {
        if (!Files.isRegularFile(list, LinkOption.NOFOLLOW_LINKS)) {
            return Set.of();
        }
        if (Files.size(list) > MAX_LIST_BYTES) {
            throw BadFile.MODULE.problem(
                    list.toString(), "it has more than " + MAX_LIST_BYTES + " bytes");
        }
        Set<String> names = new HashSet<>();
        for (String line : Files.readString(list, StandardCharsets.ISO_8859_1).split("\n")) {
            nameIn(line.strip()).ifPresent(names::add);
        }
        return names;
    }

    private static Optional<String> nameIn(String path) {
        Matcher matcher = FILE_NAME.matcher(path.substring(path.lastIndexOf('/') + 1));
        return matcher.matches() ? Optional.of(canonical(matcher.group(1))) : Optional.empty();
    }

    /** A module's name as the kernel writes it: with {@code _} for each {@code -}. */
    public static String canonical(String name) {
        return name.replace('-', '_');
    }

    /** The names of all modules with a file, sorted. */
    public SortedSet<String> names() {
        return Collections.unmodifiableSortedSet(new TreeSet<>(files.keySet()));
    }

    /** Whether there is a file of this module. */
    public boolean has(String name) {
        return files.containsKey(canonical(name));
    }

    /** Whether what could be a module of this name is part of the kernel's image. */
    public boolean isBuiltIn(String name) {
        return builtIn.contains(canonical(name));
    }

    /**
     * The file of a module, plain or compressed.
     *
     * @throws RebootlessException {@code RBL-KERNEL-MODULE-MISSING} (exit status 5) when there is
     *     none; {@code RBL-KERNEL-MODULE} (2) when there are several
     */
    public Path file(String name) {
        return file(name, Optional.empty());
    }

    private Path file(String name, Optional<String> neededBy) {
        List<Path> found = files.getOrDefault(canonical(name), List.of());
        if (found.isEmpty()) {
            throw RebootlessException.environment(
                    "RBL-KERNEL-MODULE-MISSING",
                    name,
                    "the kernel is shipped without this module"
                            + (isBuiltIn(name) ? ": it is built into the image, vmlinux" : "")
                            + neededBy.map(by -> "; " + by + " needs it").orElse("")
                            + " (looked in "
                            + folder
                            + ")",
                    "give the name of a module of this kernel's image package; modules from elsewhere are not known here");
        }
        if (found.size() > 1) {
            throw BadFile.MODULE.problem(
                    folder.toString(),
                    "several files are the module "
                            + canonical(name)
                            + ": "
                            + found.get(0)
                            + " and "
                            + found.get(1));
        }
        return found.getFirst();
    }

    /**
     * Reads a module.
     *
     * @throws IOException when its file cannot be read
     * @throws RebootlessException as {@link #file}; {@code RBL-KERNEL-MODULE} also when the file is
     *     damaged, or another module than its name says
     */
    public KernelModule module(String name) throws IOException {
        return read(canonical(name), file(name));
    }

    private static KernelModule read(String name, Path file) throws IOException {
        KernelModule module = KernelModule.read(file);
        if (!canonical(module.name()).equals(name)) {
            throw BadFile.MODULE.problem(
                    file.toString(), "it says that it is the module " + module.name());
        }
        return module;
    }

    /**
     * The files to insert for a module, one after the other: those it needs ({@code depends} in
     * {@code .modinfo}, which modpost writes for the symbols it imports), each after what it needs
     * itself, and itself last. What is only wished for ({@code softdep}) is left out.
     *
     * @throws IOException when a file cannot be read
     * @throws RebootlessException as {@link #module}, for it and all it needs; {@code
     *     RBL-KERNEL-MODULE} also when modules need each other, or one needs too many
     */
    public List<Path> inLoadOrder(String name) throws IOException {
        Map<String, Path> order = new LinkedHashMap<>();
        add(canonical(name), Optional.empty(), new ArrayList<>(), order);
        return List.copyOf(order.values());
    }

    private void add(
            String name, Optional<String> neededBy, List<String> above, Map<String, Path> order)
            throws IOException {
        if (order.containsKey(name) || (neededBy.isPresent() && isInImage(name))) {
            return;
        }
        Path file = file(name, neededBy);
        if (above.contains(name)) {
            List<String> circle = new ArrayList<>(above.subList(above.indexOf(name), above.size()));
            circle.add(name);
            throw BadFile.MODULE.problem(
                    file.toString(), "it needs itself: " + String.join(" needs ", circle));
        }
        if (above.size() + order.size() >= MAX_CHAIN) {
            throw BadFile.MODULE.problem(
                    file.toString(),
                    above.getFirst() + " needs more than " + MAX_CHAIN + " others");
        }
        above.addLast(name);
        for (String needed : needs(read(name, file))) {
            add(needed, Optional.of(name), above, order);
        }
        above.removeLast();
        order.put(name, file);
    }

    private boolean isInImage(String name) {
        return isBuiltIn(name) && !has(name);
    }

    /** {@code depends=nfnetlink,libcrc32c}; often empty, never missing in a shipped module. */
    private static List<String> needs(KernelModule module) {
        return module.modinfo("depends").stream()
                .flatMap(value -> Arrays.stream(value.split(",")))
                .map(String::strip)
                .filter(value -> !value.isEmpty())
                .map(ShippedModules::canonical)
                .distinct()
                .toList();
    }
}
