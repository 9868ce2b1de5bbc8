package dev.rebootless.source.kit;

import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.source.sandbox.ProgramRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The programs of another suite of Debian that make and use a kit, down to the C library: the
 * compiler and binutils that made the kernel, make and the shell's tools for kbuild, pahole, and
 * what objtool and conf of linux-kbuild are linked with. Nothing of this machine's is mixed in, for
 * a program of one suite does not run with the libraries of another.
 *
 * @param suite its code name
 * @param packages everything, as apt resolves it, by name
 */
record Toolchain(DebianSuite suite, List<PackageRecord> packages) {
    /**
     * What kbuild's recipes call. On an installed system they are there always (Essential: yes), so
     * nothing depends on them.
     */
    private static final List<String> SHELL =
            List.of(
                    "bash",
                    "coreutils",
                    "dash",
                    "diffutils",
                    "findutils",
                    "grep",
                    "gzip",
                    "perl-base",
                    "sed");

    /** Links into {@code usr} on an installed system (file-hierarchy(7)). */
    private static final Set<String> MERGED =
            Set.of("bin", "sbin", "lib", "lib32", "lib64", "libx32");

    Toolchain {
        packages = List.copyOf(packages);
    }

    /**
     * Resolves what a kernel's kit needs.
     *
     * @param compiler the Debian package of the compiler and its exact version, {@code
     *     name=version}
     * @param kbuild whose programs run with these
     * @throws RebootlessException {@code RBL-TOOLCHAIN} (exit status 5) when the suite has not all
     *     of it
     */
    static Toolchain resolve(
            DebianSuite suite, AptPackages apt, String compiler, PackageRecord kbuild) {
        TreeSet<String> wanted = new TreeSet<>(SHELL);
        wanted.addAll(HostTools.buildingPackages());
        // Of alternatives those that the suite has.
        Set<String> needed =
                kbuild.depends().stream().map(Dependency::name).collect(Collectors.toSet());
        apt.versions(needed).stream().map(PackageRecord::name).forEach(wanted::add);
        wanted.add(compiler);
        return new Toolchain(suite, apt.closure(List.copyOf(wanted)));
    }

    /** Changes with every package; part of the name of the unpacked folder while it is made. */
    String hash() {
        String all = packages.stream().map(PackageRecord::sha256).collect(Collectors.joining("\n"));
        return Hashes.sha256(all.getBytes(StandardCharsets.UTF_8));
    }

    /** All packages together, in bytes. */
    long size() {
        return packages.stream().mapToLong(PackageRecord::size).sum();
    }

    /**
     * Unpacks it.
     *
     * @param debs of all packages
     * @param out an empty folder, which becomes a {@link ProgramRoot}
     */
    static void unpack(List<Path> debs, Path out) throws IOException {
        Unpacker.programs(debs, out);
        requireOnlyPrograms(out, debs.getLast());
        for (String folder : List.of("bin", "lib", "lib64")) {
            Path link = out.resolve(folder);
            if (!Files.isSymbolicLink(link)) {
                // What was packed there is under usr/ now (Unpacker.programs).
                Files.deleteIfExists(link);
                Files.createSymbolicLink(link, Path.of("usr", folder));
            }
        }
        // The one link that only a maintainer script makes, by way of /etc/alternatives.
        Path awk = out.resolve("usr/bin/awk");
        if (!Files.exists(awk) && Files.exists(out.resolve("usr/bin/mawk"))) {
            Files.createSymbolicLink(awk, Path.of("mawk"));
        }
    }

    /**
     * At the top is {@code usr}, and what merged into it: the members are named by the package, and
     * its {@code etc} would be shown as this machine's is ({@link
     * dev.rebootless.source.sandbox.Sandbox#alternatives}).
     */
    private static void requireOnlyPrograms(Path root, Path deb) throws IOException {
        if (!Files.isDirectory(root.resolve("usr"), LinkOption.NOFOLLOW_LINKS)) {
            throw hostile(deb, "have no folder /usr");
        }
        try (Stream<Path> top = Files.list(root)) {
            for (Path each : top.sorted().toList()) {
                String name = each.getFileName().toString();
                if (!name.equals("usr") && !isMerged(each, name)) {
                    throw hostile(deb, "have more than programs and libraries: /" + name);
                }
            }
        }
    }

    private static boolean isMerged(Path folder, String name) throws IOException {
        if (!MERGED.contains(name)) {
            return false;
        }
        if (Files.isSymbolicLink(folder)) {
            return Files.readSymbolicLink(folder).equals(Path.of("usr", name));
        }
        if (!Files.isDirectory(folder)) {
            return false;
        }
        try (Stream<Path> content = Files.list(folder)) {
            return content.findAny().isEmpty();
        }
    }

    private static RebootlessException hostile(Path deb, String what) {
        return RebootlessException.environment(
                "RBL-PACKAGE",
                deb.getFileName().toString(),
                "and the others unpacked with it " + what,
                "do not use these packages; fetch them from Debian");
    }

    KitFacts.Toolchain facts() {
        List<KitFacts.UsedPackage> used = new ArrayList<>();
        packages.forEach(p -> used.add(KitFacts.UsedPackage.of(p)));
        return new KitFacts.Toolchain(suite.name(), used);
    }
}
