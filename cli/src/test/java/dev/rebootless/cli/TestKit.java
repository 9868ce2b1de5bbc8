package dev.rebootless.cli;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The kit of the newest 6.1 cloud kernel that apt serves, in the user's own cache: made once, which
 * takes minutes, and then used by all tests. Where apt cannot be asked, the newest kit that is
 * there.
 */
final class TestKit {
    private TestKit() {}

    static Kit kit() {
        Kits kits = new Kits(Kits.userCache(), message -> System.err.println("kit: " + message));
        try {
            return kits.add(kits.newestCloudRelease(KernelChoice.DEFAULT_LINE));
        } catch (RebootlessException e) {
            return kits.list().stream().findFirst().orElseThrow(() -> e);
        }
    }

    static String kernel() {
        return KernelChoice.name(kit());
    }

    /**
     * Writes a patch that replaces one piece of a source file, which must occur in it exactly once.
     */
    static Path patch(Path folder, String name, String path, String from, String to)
            throws IOException, InterruptedException {
        return patch(kit(), folder, name, path, from, to);
    }

    /** The same for another kernel. */
    static Path patch(Kit kit, Path folder, String name, String path, String from, String to)
            throws IOException, InterruptedException {
        String source = Files.readString(kit.tree().resolve(path));
        int at = source.indexOf(from);
        if (at < 0 || source.indexOf(from, at + 1) >= 0) {
            throw new AssertionError(path + " does not have exactly one: " + from);
        }
        Path before = folder.resolve("before.c");
        Path after = folder.resolve("after.c");
        Files.writeString(before, source);
        Files.writeString(
                after, source.substring(0, at) + to + source.substring(at + from.length()));
        Path patch = folder.resolve(name);
        Process diff =
                new ProcessBuilder(
                                "diff",
                                "-u",
                                "--label",
                                "a/" + path,
                                "--label",
                                "b/" + path,
                                before.toString(),
                                after.toString())
                        .redirectOutput(patch.toFile())
                        .start();
        // 1: they differ.
        if (diff.waitFor() != 1) {
            throw new AssertionError("diff fails");
        }
        return patch;
    }
}
