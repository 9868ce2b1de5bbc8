package dev.rebootless.source.compile;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * A copy of {@link TestTree} made of hard links, so that the tree that others use stays as it is.
 * Its files are only ever replaced, never written to.
 */
record LinkedTree(Path tree) implements AutoCloseable {
    static LinkedTree make() {
        try {
            // Beside the tree, since hard links do not reach other file systems.
            Path shared = TestTree.get().tree();
            Path copy = Files.createTempDirectory(shared.getParent(), "copy-");
            Subprocess.Result made =
                    Subprocess.of("cp", "-alT", shared.toString(), copy.toString()).run();
            if (!made.ok()) {
                throw new IllegalStateException(made.all());
            }
            return new LinkedTree(copy);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Path file(String path) {
        return tree.resolve(path);
    }

    void replace(String path, String text) throws IOException {
        Path aside = Files.writeString(tree.resolve(path + ".aside"), text);
        Files.move(aside, tree.resolve(path), StandardCopyOption.REPLACE_EXISTING);
    }

    KernelTree kernel(Path cache, java.util.List<String> makeArguments) {
        String compiler = TestTree.get().compiler();
        java.util.List<String> arguments = new java.util.ArrayList<>();
        arguments.add("CC=" + compiler);
        arguments.addAll(makeArguments);
        return new KernelTree(tree, cache, compiler, arguments);
    }

    @Override
    public void close() throws IOException {
        AtomicFiles.removeTree(tree);
    }
}
