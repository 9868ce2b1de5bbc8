package dev.rebootless.lab;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.KernelModule;
import dev.rebootless.kernel.ShippedModules;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The target modules as {@code init.sh} wants them: {@code /targets/NAME.ko} for each module, once,
 * and {@code /targets/NAME.files} with the names to insert for a target, in order.
 *
 * @param late whether the targets are also to come while the livepatch is in force
 * @param reload whether they are then to come once more
 */
record TargetFiles(List<TargetModule> targets, boolean late, boolean reload) {
    static final TargetFiles NONE = new TargetFiles(List.of(), false, false);

    private static final int MAX_FILES = 256;
    private static final int MAX_BYTES = 64 << 20;
    private static final int MAX_BYTES_OF_ALL = 256 << 20;

    /**
     * What a shell takes as a word. A name has at most 55 characters (MODULE_NAME_LEN in
     * include/linux/moduleparam.h).
     */
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_]{1,55}");

    TargetFiles {
        targets = List.copyOf(targets);
    }

    /**
     * Adds them, and says so in the settings.
     *
     * @throws RebootlessException exit status 2: {@code RBL-LAB-TARGET} when the files do not fit
     *     together, {@code RBL-LAB-TOO-MANY-MODULES}, {@code RBL-KERNEL-MODULE} for what is no
     *     module, and as {@link GuestImage#read}
     */
    void pack(CpioArchive archive, List<String> settings) {
        archive.folder("targets");
        Map<String, Path> packed = new LinkedHashMap<>();
        Map<Path, String> names = new LinkedHashMap<>();
        List<String> wanted = new ArrayList<>();
        long bytes = 0;
        for (TargetModule target : targets) {
            List<String> order = new ArrayList<>();
            for (Path file : target.files()) {
                if (!names.containsKey(file)) {
                    byte[] plain =
                            KernelModule.plain(GuestImage.read(file, MAX_BYTES), file.toString());
                    String name = name(plain, file);
                    bytes += plain.length;
                    if (names.size() >= MAX_FILES || bytes > MAX_BYTES_OF_ALL) {
                        throw RebootlessException.usage(
                                "RBL-LAB-TOO-MANY-MODULES",
                                target.name(),
                                "the targets need more than %d modules or %d bytes"
                                        .formatted(MAX_FILES, MAX_BYTES_OF_ALL),
                                "prove with fewer targets");
                    }
                    if (packed.putIfAbsent(name, file) != null) {
                        throw unfit(file, "is the module " + name + ", as is " + packed.get(name));
                    }
                    names.put(file, name);
                    archive.file("targets/" + name + ".ko", 0644, plain);
                }
                order.add(names.getOrDefault(file, ""));
            }
            if (!order.getLast().equals(ShippedModules.canonical(target.name()))) {
                throw unfit(
                        target.files().getLast(),
                        "is the module " + order.getLast() + ", not " + target.name());
            }
            wanted.add(order.getLast());
            archive.file(
                    "targets/" + order.getLast() + ".files",
                    0644,
                    (String.join("\n", order) + "\n").getBytes(StandardCharsets.US_ASCII));
        }
        settings.add("TARGETS='" + String.join(" ", wanted) + "'");
        settings.add("LATE=" + (late ? 1 : 0));
        settings.add("RELOAD=" + (reload ? 1 : 0));
    }

    private static String name(byte[] plain, Path file) {
        String name = ShippedModules.canonical(KernelModule.read(plain, file.toString()).name());
        if (!NAME.matcher(name).matches()) {
            throw unfit(file, "has a name that no module has");
        }
        return name;
    }

    private static RebootlessException unfit(Path file, String what) {
        return RebootlessException.usage(
                "RBL-LAB-TARGET",
                file.toString(),
                what,
                "give the files of the kernel's own image package");
    }
}
