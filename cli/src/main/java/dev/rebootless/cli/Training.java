package dev.rebootless.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/**
 * Uses the command once, for the launcher: the classes that are loaded while this runs go into the
 * cache of loaded classes (JEP 483) that every later start uses. Prints nothing, and leaves nothing
 * behind but what the launcher asked the Java machine for.
 */
final class Training {
    private static final String OURS = "dev/rebootless/";

    private Training() {}

    /**
     * Trains.
     *
     * @param args a folder with two objects of one unit, {@code a.o} and {@code b.o}, or without
     */
    public static void main(String[] args) throws IOException {
        Path folder = Path.of(args[0]);
        loadAllOfOurs();
        run("--help");
        run("build", "--help");
        run("build", "no-such-file.patch");
        run("kit", "list");
        run("kit", "list", "--json");
        Path original = folder.resolve("a.o");
        Path patched = folder.resolve("b.o");
        if (Files.exists(original) && Files.exists(patched)) {
            run("diff", original.toString(), patched.toString());
            String out = folder.resolve("out.o").toString();
            run("diff", "--json", original.toString(), patched.toString(), "-o", out);
        }
    }

    private static void run(String... args) {
        PrintStream nowhere =
                new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        Main.run(
                args,
                new Console(OutputStream.nullOutputStream(), nowhere),
                new Main.Interruption(Thread.currentThread(), Duration.ZERO));
    }

    /** No training run reaches all of a build, which would need a kit. */
    private static void loadAllOfOurs() throws IOException {
        for (String part : List.of(System.getProperty("java.class.path").split(":"))) {
            if (!part.endsWith(".jar")) {
                continue;
            }
            try (JarFile jar = new JarFile(part)) {
                for (JarEntry entry : jar.stream().toList()) {
                    String name = entry.getName();
                    if (name.startsWith(OURS)
                            && name.endsWith(".class")
                            && !name.endsWith("-info.class")) {
                        load(name.substring(0, name.length() - 6).replace('/', '.'));
                    }
                }
            }
        }
    }

    private static void load(String name) {
        try {
            Class.forName(name, false, Training.class.getClassLoader());
        } catch (ClassNotFoundException | LinkageError e) {
            // Then it is not in the cache, which costs a millisecond when it is used.
        }
    }
}
