package dev.rebootless.lab;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The newest cloud kernel of the 6.1 line that apt serves, downloaded once, unpacked for a test
 * run, with what it takes to build modules for it. Nothing is installed and no version is pinned.
 * Works offline with what was downloaded before.
 */
final class StockKernel {
    private static final Pattern IMAGE =
            Pattern.compile("linux-image-(6\\.1\\.0-(\\d+)-cloud-amd64)-unsigned");

    private final String release;
    private final Path root;

    private StockKernel(String release, Path root) {
        this.release = release;
        this.root = root;
    }

    /** Finds, downloads and unpacks it below a folder. */
    static StockKernel unpack(Path folder) throws IOException {
        Path cache = cache();
        Files.createDirectories(cache);
        String image = newestImage(cache);
        Matcher matcher = IMAGE.matcher(image);
        assertThat(matcher.matches()).isTrue();
        String release = matcher.group(1);
        String headers = "linux-headers-" + release;
        for (String name :
                List.of(
                        image,
                        headers,
                        headers.replace("-cloud-amd64", "-common"),
                        "linux-kbuild-6.1")) {
            run(Subprocess.of("dpkg-deb", "-x", deb(cache, name).toString(), folder.toString()));
        }
        return new StockKernel(release, folder);
    }

    String release() {
        return release;
    }

    Path image() {
        return root.resolve("boot/vmlinuz-" + release);
    }

    /** {@code lib/modules/RELEASE} of the image package. */
    Path modules() {
        return root.resolve("lib/modules/" + release);
    }

    /** Builds a module of one file; {@code name} becomes the module's name. */
    Path build(Path folder, String name, String source) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve(name + ".c"), source);
        Files.writeString(folder.resolve("Kbuild"), "obj-m := " + name + ".o\n");
        Path headers = root.resolve("usr/src/linux-headers-" + release);
        String common = "../linux-headers-" + release.replace("-cloud-amd64", "-common");
        run(
                Subprocess.of(
                        "make",
                        "-C",
                        headers.toString(),
                        "-f",
                        common + "/Makefile",
                        "M=" + folder,
                        "modules"));
        return folder.resolve(name + ".ko");
    }

    /**
     * A livepatch by hand: replaces one function of vmlinux.
     *
     * @param body C code that defines {@code replacement}
     */
    Path buildLivepatch(Path folder, String name, String function, String body) throws IOException {
        return buildLivepatch(
                folder,
                name,
                body
                        + """
                        static struct klp_func changed[] = {
                                { .old_name = "%s", .new_func = replacement }, { }
                        };
                        static struct klp_object objects[] = { { .funcs = changed }, { } };
                        """
                                .formatted(function));
    }

    /**
     * A livepatch by hand.
     *
     * @param body C code that defines {@code objects}
     */
    Path buildLivepatch(Path folder, String name, String body) throws IOException {
        return buildLivepatch(folder, name, false, body);
    }

    /** The same, which takes over from those before it when {@code replace} is set. */
    Path buildLivepatch(Path folder, String name, boolean replace, String body) throws IOException {
        return build(
                folder,
                name,
                """
                #include <linux/module.h>
                #include <linux/livepatch.h>
                %s
                static struct klp_patch patch = {
                        .mod = THIS_MODULE, .objs = objects, .replace = %s
                };
                static int __init enable(void) { return klp_enable_patch(&patch); }
                static void __exit leave(void) { }
                module_init(enable);
                module_exit(leave);
                MODULE_LICENSE("GPL");
                MODULE_INFO(livepatch, "Y");
                """
                        .formatted(body, replace));
    }

    private static Path cache() {
        String xdg = Optional.ofNullable(System.getenv("XDG_CACHE_HOME")).orElse("");
        Path base =
                xdg.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(xdg);
        return base.resolve("rebootless/test-packages");
    }

    private static String newestImage(Path cache) throws IOException {
        String served =
                Subprocess.of(
                                "apt-cache",
                                "search",
                                "-n",
                                "^linux-image-6\\.1\\.0-[0-9]+-cloud-amd64-unsigned$")
                        .run()
                        .out();
        try (Stream<Path> kept = Files.list(cache)) {
            return Stream.concat(
                            served.lines().map(line -> line.split(" ")[0]),
                            kept.map(file -> file.getFileName().toString().split("_")[0]))
                    .filter(name -> IMAGE.matcher(name).matches())
                    .max(Comparator.comparingInt(StockKernel::abi))
                    .orElseThrow(() ->
                            new AssertionError(
                                    "apt serves no 6.1 cloud image; run apt-get update"));
        }
    }

    private static int abi(String name) {
        Matcher matcher = IMAGE.matcher(name);
        return matcher.matches() ? Integer.parseInt(matcher.group(2)) : -1;
    }

    private static Path deb(Path cache, String name) throws IOException {
        Optional<Path> kept = newest(cache, name);
        if (kept.isPresent() && name.startsWith("linux-kbuild") == false) {
            return kept.get();
        }
        // The kbuild package's name has no release in it, so what is kept may be of an earlier
        // upload.
        Path aside = Files.createTempDirectory(cache, ".download");
        try {
            Subprocess.Result result =
                    Subprocess.of("apt-get", "download", name)
                            .in(aside)
                            .deadline(Duration.ofMinutes(5))
                            .run();
            Optional<Path> fresh = newest(aside, name);
            if (!result.ok() || fresh.isEmpty()) {
                return kept.orElseThrow(() -> new AssertionError(result.all()));
            }
            Path target = cache.resolve(fresh.get().getFileName());
            return Files.move(fresh.get(), target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            dev.rebootless.base.AtomicFiles.removeTree(aside);
        }
    }

    private static Optional<Path> newest(Path folder, String name) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.getFileName().toString().startsWith(name + "_"))
                    .max(Comparator.comparing(Path::toString));
        }
    }

    private static void run(Subprocess program) {
        Subprocess.Result result = program.run();
        assertThat(result.status()).as(result.all()).isZero();
    }
}
