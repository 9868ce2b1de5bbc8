package dev.rebootless.source.kit;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.source.sandbox.Sandbox;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The programs of this machine that making a kit needs. flex, bison, bc and the development files
 * of libelf and libssl are not among them: what kbuild makes with those comes ready-made in the
 * headers and linux-kbuild packages (see {@link TreePreparation}).
 */
final class HostTools {
    /**
     * Something a package brings.
     *
     * @param path a program's name, or an absolute file name
     */
    private record Tool(String path, String debianPackage) {}

    private static final Pattern OS_VERSION = Pattern.compile("VERSION_ID=\"?(\\d{1,4})\"?");

    private static final List<Tool> UNPACKING =
            List.of(
                    new Tool("bwrap", "bubblewrap"),
                    new Tool("prlimit", "util-linux"),
                    new Tool("dpkg-deb", "dpkg"),
                    new Tool("tar", "tar"),
                    new Tool("bash", "bash"),
                    new Tool("xz", "xz-utils"));

    private static final List<Tool> BUILDING =
            List.of(
                    new Tool("make", "make"),
                    // Without it olddefconfig switches DEBUG_INFO_BTF off, and struct module
                    // shrinks.
                    new Tool("pahole", "pahole"),
                    new Tool("ld", "binutils"),
                    new Tool("objcopy", "binutils"),
                    new Tool("awk", "mawk"),
                    // kbuild compiles small programs for the machine it runs on.
                    new Tool("/usr/include/stdio.h", "libc6-dev"));

    private static final List<Tool> APT =
            List.of(new Tool("apt-get", "apt"), new Tool("apt-cache", "apt"));

    private HostTools() {}

    /** The Debian packages of what preparing a tree and compiling in it needs beside a compiler. */
    static List<String> buildingPackages() {
        return BUILDING.stream().map(Tool::debianPackage).distinct().toList();
    }

    /**
     * Where programs must be: where the sandbox looks, which may differ from the user's PATH. A
     * compiler in /usr/local/bin is not there.
     */
    static List<Path> searchPath() {
        return List.of(Sandbox.PROGRAMS);
    }

    /** The number of the Debian that this machine runs, as os-release(5) says; empty for others. */
    static Optional<Integer> debian() {
        try {
            List<String> lines = Files.readAllLines(Path.of("/etc/os-release"));
            return lines.contains("ID=debian")
                    ? lines.stream()
                            .map(OS_VERSION::matcher)
                            .filter(Matcher::matches)
                            .map(m -> Integer.valueOf(m.group(1)))
                            .findFirst()
                    : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** What asking apt needs. */
    static void requireApt(List<Path> searchPath) {
        require(APT, searchPath);
    }

    /**
     * What looking into a .deb file needs; and making a kit whose other programs come from packages
     * of its suite.
     */
    static void requireUnpacking(List<Path> searchPath) {
        require(UNPACKING, searchPath);
    }

    /**
     * What making a kit needs; names everything that is missing at once.
     *
     * @param compilerPackage such as {@code gcc-12}, whose program has the same name
     * @throws RebootlessException {@code RBL-TOOL-MISSING} (exit status 5)
     */
    static void require(List<Path> searchPath, String compilerPackage) {
        List<Tool> needed = new ArrayList<>(UNPACKING);
        needed.addAll(BUILDING);
        needed.add(new Tool(compilerPackage, compilerPackage));
        require(needed, searchPath);
    }

    private static void require(List<Tool> needed, List<Path> searchPath) {
        List<Tool> missing = needed.stream().filter(tool -> !present(tool, searchPath)).toList();
        if (missing.isEmpty()) {
            return;
        }
        throw RebootlessException.environment(
                "RBL-TOOL-MISSING",
                String.join(", ", missing.stream().map(Tool::path).toList()),
                missing.size() == 1 ? "is not installed" : "are not installed",
                "run as root: apt-get install --no-install-recommends "
                        + String.join(
                                " ",
                                missing.stream().map(Tool::debianPackage).distinct().toList()));
    }

    private static boolean present(Tool tool, List<Path> searchPath) {
        return tool.path().startsWith("/")
                ? Files.exists(Path.of(tool.path()))
                : searchPath.stream()
                        .anyMatch(folder -> Files.isExecutable(folder.resolve(tool.path())));
    }
}
