package dev.rebootless.build;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.diff.Item;
import dev.rebootless.diff.ObjectModel;
import dev.rebootless.kernel.ShippedCode;
import dev.rebootless.livepatch.runpre.Mismatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What {@code --debug} shows of a function that does not match: objdump of both codes. */
final class Disassembly {
    private Disassembly() {}

    static String sideBySide(ShippedCode image, ObjectModel model, Mismatch mismatch) {
        for (Item item : model.items()) {
            if (item.isFunction()
                    && item.name().equals(mismatch.function())
                    && mismatch.address() != 0) {
                byte[] built =
                        java.util.Arrays.copyOfRange(
                                item.section().content(), (int) item.offset(), (int) item.end());
                return "shipped:\n"
                        + shipped(image, mismatch.address(), (int) item.size())
                        + "\nrebuilt (addresses not filled in):\n"
                        + objdump(built, mismatch.address());
            }
        }
        return "(nothing to show)";
    }

    private static String shipped(ShippedCode image, long address, int size) {
        try {
            return objdump(image.read(address, size), address);
        } catch (RebootlessException e) {
            return "(" + e.getMessage() + ")";
        }
    }

    private static String objdump(byte[] code, long address) {
        try {
            Path file = Files.createTempFile("rebootless-code", ".bin");
            try {
                Files.write(file, code);
                return Subprocess.of(
                                List.of(
                                        "objdump",
                                        "-D",
                                        "-b",
                                        "binary",
                                        "-m",
                                        "i386:x86-64",
                                        "--adjust-vma=0x" + Long.toHexString(address),
                                        file.toString()))
                        .run()
                        .out()
                        .lines()
                        .filter(l -> l.contains(":\t"))
                        .collect(java.util.stream.Collectors.joining("\n"));
            } finally {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            return "(" + e.getMessage() + ")";
        }
    }
}
