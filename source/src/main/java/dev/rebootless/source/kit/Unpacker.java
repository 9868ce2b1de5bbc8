package dev.rebootless.source.kit;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.source.sandbox.Sandbox;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.stream.Stream;

/**
 * Takes out of .deb files (deb(5)) what a kit needs, in a sandbox where only the output folder can
 * be written, so that a hostile archive can reach nothing else; what came out is then checked for
 * links that lead out of the folder, for devices and for set-user-id programs. Time and size are
 * bounded.
 */
final class Unpacker {
    /** linux-source-6.1 unpacks to 1.4 GB, linux-source-6.12 to 1.6 GB. */
    private static final long MAX_SOURCE_BYTES = 4L << 30;

    /** The generic 6.1 image with its modules unpacks to 0.4 GB. */
    private static final long MAX_PACKAGE_BYTES = 2L << 30;

    /** linux-source-6.12 has 90,000 files and folders. */
    private static final int MAX_ENTRIES = 400_000;

    /** st_mode bits, inode(7): set-user-ID and set-group-ID. */
    private static final int SET_ID_BITS = 06000;

    /** That of Debian 13 has 5 MB. */
    private static final long MAX_CHANGELOG_BYTES = 64L << 20;

    private static final String PACKAGE = "/build/package.deb";

    /** Which symbolic links may come out of a package. */
    private enum Links {
        /** Image packages have none but those excluded, and their parts are moved afterwards. */
        NONE,
        /** Such as stay in the folder, whatever is moved with it as a whole. */
        WITHIN
    }

    private Unpacker() {}

    /** The control data of a package as text. */
    static String control(Path deb) {
        Subprocess.Result result =
                Sandbox.of(Sandbox.Limits.LOOK)
                        .readOnly(deb, PACKAGE)
                        .run(List.of("dpkg-deb", "--field", PACKAGE));
        if (!result.ok()) {
            throw damaged(deb, result);
        }
        return result.out();
    }

    /**
     * Image package: {@code boot/} and {@code lib/modules/} (since Debian 13 under {@code usr/}).
     *
     * @param out an empty folder
     */
    static void image(Path deb, Path out) {
        run(
                deb,
                out,
                MAX_PACKAGE_BYTES,
                "tar -x $QUIET --exclude=./usr/share"
                        + " --exclude='./lib/modules/*/build' --exclude='./lib/modules/*/source'"
                        + " --exclude='./usr/lib/modules/*/build'"
                        + " --exclude='./usr/lib/modules/*/source'");
        tame(out, deb, Links.NONE);
        moved(out, "usr/lib/modules", "lib/modules");
    }

    /**
     * Headers package of one flavour: the configuration, the export CRCs and the generated headers,
     * from {@code usr/src/linux-headers-RELEASE} into {@code out}. Its include/config is left out:
     * ten thousand empty files that kbuild makes anew.
     */
    static void headers(Path deb, Path out, KernelRelease release) {
        String root = "./usr/src/linux-headers-" + release;
        unpack(
                deb,
                out,
                MAX_PACKAGE_BYTES,
                "tar -x $QUIET --strip-components=4 "
                        + String.join(
                                " ",
                                root + "/.config",
                                root + "/Module.symvers",
                                root + "/include/generated",
                                root + "/arch/x86/include/generated"));
    }

    /**
     * linux-kbuild: the programs that kits use, into {@code out} under the tree's names; objtool in
     * all its forms.
     */
    static void kbuild(Path deb, Path out) {
        unpack(
                deb,
                out,
                MAX_PACKAGE_BYTES,
                "tar -x $QUIET --strip-components=4 --wildcards './usr/lib/linux-kbuild-*/scripts/kconfig/conf' './usr/lib/linux-kbuild-*/tools/objtool/objtool*'");
    }

    /** The changelog of any kernel package, as text, into {@code out/changelog}. */
    static void changelog(Path deb, Path out) {
        run(
                deb,
                out,
                MAX_PACKAGE_BYTES,
                "tar -xO --wildcards './usr/share/doc/*/changelog.Debian.gz' | gzip -dc | head -c "
                        + MAX_CHANGELOG_BYTES
                        + " > changelog");
    }

    /**
     * linux-source: the tree inside the .tar.xz inside. Debian compresses it in independent blocks
     * of 24 MB, so that xz works on them with every processor: 6.6 s on two instead of 14.3 s.
     *
     * <p>Nothing is left out. Without the other architectures, Documentation and tools/testing it
     * would be a fifth smaller and three to five seconds faster, but then a patch that touches one
     * of those beside its .c file could not be checked against it.
     */
    static void source(Path deb, Path out) {
        unpack(
                deb,
                out,
                MAX_SOURCE_BYTES,
                "tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | xz -dc -T0 | head -c "
                        + MAX_SOURCE_BYTES
                        + " | tar -x $QUIET --strip-components=1");
    }

    /**
     * Programs and libraries of several packages into one root folder, all below {@code usr/}: what
     * older packages have in {@code /bin} or {@code /lib} goes to {@code usr/bin} or {@code
     * usr/lib}, as on an installed system, where those are links. No maintainer script runs.
     */
    static void programs(List<Path> debs, Path out) {
        for (Path deb : debs) {
            run(
                    deb,
                    out,
                    MAX_PACKAGE_BYTES,
                    "tar -x $QUIET"
                            + " --exclude=./usr/share --exclude=./usr/games --exclude=./etc"
                            + " --exclude=./var --exclude=./boot --exclude=./dev --exclude=./home"
                            + " --exclude=./media --exclude=./mnt --exclude=./opt --exclude=./proc"
                            + " --exclude=./root --exclude=./run --exclude=./srv --exclude=./sys"
                            + " --exclude=./tmp"
                            // r: names of files, h: targets of hard links, but of no symbolic ones.
                            + " --transform='flags=rh;s,^\\./\\(s\\?bin\\|lib\\(32\\|64\\|x32\\)\\?\\)/,./usr/\\1/,'");
        }
        try {
            makeLinksRelative(out);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        tame(out, debs.getLast(), Links.WITHIN);
    }

    /**
     * Absolute links of programs and libraries (libc6 of Debian 12 has one to the loader) mean the
     * root that they were unpacked to. Outside the sandbox, only relative ones lead there and not
     * to files of this machine.
     */
    private static void makeLinksRelative(Path root) throws IOException {
        List<Path> links;
        try (Stream<Path> walk = Files.walk(root)) {
            links = walk.filter(Files::isSymbolicLink).toList();
        }
        for (Path link : links) {
            Path target = Files.readSymbolicLink(link);
            // Those that climb stay as they are, and are refused.
            if (target.isAbsolute() && target.equals(target.normalize())) {
                Path inside = root.resolve(Path.of("/").relativize(target));
                Files.delete(link);
                Files.createSymbolicLink(link, link.resolveSibling("").relativize(inside));
            }
        }
    }

    /** Runs {@code script}, which reads the package's tar on standard input and writes into out. */
    private static void unpack(Path deb, Path out, long limit, String script) {
        run(deb, out, limit, script);
        tame(out, deb, Links.WITHIN);
    }

    private static void run(Path deb, Path out, long limit, String script) {
        Subprocess.Result result =
                Sandbox.of(Sandbox.Limits.UNPACK)
                        .readOnly(deb, PACKAGE)
                        .out(out)
                        .in(Sandbox.OUT)
                        .run(
                                List.of(
                                        "bash",
                                        "-c",
                                        "set -euo pipefail; QUIET='--no-same-owner --no-same-permissions'; umask 022; dpkg-deb --fsys-tarfile "
                                                + PACKAGE
                                                + " | head -c "
                                                + limit
                                                + " | "
                                                + script));
        if (!result.ok()) {
            throw damaged(deb, result);
        }
    }

    private static void tame(Path out, Path deb, Links links) {
        try {
            requireTame(out, deb, links);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static RebootlessException damaged(Path deb, Subprocess.Result result) {
        if (result.all().contains("No space left on device")) {
            return Disk.full(deb.toString());
        }
        return RebootlessException.environment(
                "RBL-PACKAGE",
                deb.getFileName().toString(),
                "is damaged or no package of the expected kind: "
                        + result.all()
                                .lines()
                                .limit(3)
                                .reduce((a, b) -> a + "; " + b)
                                .orElse("status " + result.status()),
                "fetch the package again");
    }

    /** Only plain files, folders, and links that stay within the folder. */
    private static void requireTame(Path root, Path deb, Links links) throws IOException {
        int[] entries = {0};
        Files.walkFileTree(
                root,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult preVisitDirectory(Path dir, BasicFileAttributes a) {
                        return counted();
                    }

                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes a)
                            throws IOException {
                        if (a.isSymbolicLink()) {
                            Path target = Files.readSymbolicLink(file);
                            if (target.isAbsolute()
                                    || climbsLate(target)
                                    || !file.resolveSibling(target).normalize().startsWith(root)) {
                                throw wild(file, "is a link that leads out of the package");
                            }
                            if (links == Links.NONE) {
                                throw wild(file, "is a link, which such a package has no need of");
                            }
                        } else if (!a.isRegularFile()) {
                            throw wild(file, "is neither a file nor a folder nor a link");
                        } else if ((((Integer) Files.getAttribute(file, "unix:mode")) & SET_ID_BITS)
                                != 0) {
                            throw wild(file, "is a set-user-id or set-group-id program");
                        }
                        return counted();
                    }

                    private FileVisitResult counted() {
                        if (++entries[0] > MAX_ENTRIES) {
                            throw wild(root, "has more than " + MAX_ENTRIES + " files");
                        }
                        return FileVisitResult.CONTINUE;
                    }

                    private RebootlessException wild(Path file, String what) {
                        return RebootlessException.environment(
                                "RBL-PACKAGE",
                                deb.getFileName().toString(),
                                "/" + root.relativize(file) + " " + what,
                                "do not use this package; fetch it from Debian");
                    }
                });
    }

    /**
     * Whether it has {@code ..} after a name, which may be that of a linked folder: then it leads
     * elsewhere than the text says. Those at the start climb from the link's own folder, which is
     * no link.
     */
    private static boolean climbsLate(Path target) {
        boolean isNamed = false;
        for (Path part : target) {
            boolean climbs = part.toString().equals("..");
            if (climbs && isNamed) {
                return true;
            }
            isNamed |= !climbs && !part.toString().equals(".");
        }
        return false;
    }

    private static void moved(Path root, String from, String to) {
        try {
            Path source = root.resolve(from);
            Path target = root.resolve(to);
            if (Files.isDirectory(source) && !Files.exists(target)) {
                Files.createDirectories(target.resolveSibling("."));
                Files.move(source, target);
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** What the files under a folder take on a disk of 4 kB blocks, in bytes. */
    static long diskBytes(Path root) throws IOException {
        long block = 4096;
        try (Stream<Path> walk = Files.walk(root)) {
            return walk.mapToLong(
                            path -> {
                                try {
                                    return Files.isRegularFile(
                                                    path, java.nio.file.LinkOption.NOFOLLOW_LINKS)
                                            ? (Files.size(path) + block - 1) / block * block
                                            : block;
                                } catch (IOException e) {
                                    throw new java.io.UncheckedIOException(e);
                                }
                            })
                    .sum();
        }
    }
}
