package dev.rebootless.lab;

import dev.rebootless.kernel.ShippedModules;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A module that a livepatch patches.
 *
 * @param name as the kernel has it
 * @param files to insert for it, those first that it needs, itself last; plain or compressed,
 *     signed or not
 */
public record TargetModule(String name, List<Path> files) {
    public TargetModule {
        files = List.copyOf(files);
        if (files.isEmpty()) {
            throw new IllegalArgumentException("a target without a file: " + name);
        }
    }

    /**
     * Finds the files of targets among the modules that a kernel was shipped with.
     *
     * @param modules {@code lib/modules/RELEASE}
     * @param objects target objects as a livepatch names them; {@code vmlinux} is left out
     * @throws IOException when a file cannot be read
     * @throws dev.rebootless.base.RebootlessException as {@link ShippedModules#inLoadOrder}
     */
    public static List<TargetModule> find(Path modules, List<String> objects) throws IOException {
        List<String> names = objects.stream().filter(o -> !o.equals("vmlinux")).distinct().toList();
        if (names.isEmpty()) {
            return List.of();
        }
        ShippedModules shipped = ShippedModules.of(modules);
        List<TargetModule> found = new ArrayList<>();
        for (String name : names) {
            found.add(new TargetModule(name, shipped.inLoadOrder(name)));
        }
        return List.copyOf(found);
    }
}
