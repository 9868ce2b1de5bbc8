package dev.rebootless.host;

import dev.rebootless.manifest.Manifest;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A livepatch that the kernel lists, whoever made it, as {@code /sys/kernel/livepatch} shows it
 * (Documentation/ABI/testing/sysfs-kernel-livepatch).
 *
 * @param name the module's, as the kernel shows it
 * @param enabled whether it is in force or on its way there; without, it is on its way out
 * @param inTransition whether tasks still have to move to it or away from it
 * @param replace whether it takes over from all before it; from the kernel, else from the manifest;
 *     empty where neither says
 * @param objects what it replaces, by target object, sorted by name
 * @param origin what it says of itself
 */
public record LoadedLivepatch(
        String name,
        boolean enabled,
        boolean inTransition,
        Optional<Boolean> replace,
        List<LoadedObject> objects,
        Origin origin) {
    public LoadedLivepatch {
        objects = List.copyOf(objects);
    }

    /** What a livepatch says of itself in its note. */
    public sealed interface Origin {
        /** Made by Rebootless. */
        record Ours(Manifest manifest) implements Origin {}

        /** Without the note: shown, and nothing claimed of it. */
        record Foreign() implements Origin {}

        /** With a note that cannot be read. */
        record Unknown(String why) implements Origin {}
    }

    /**
     * A target object of a livepatch.
     *
     * @param name {@code vmlinux} or a module's
     * @param patched whether its functions are routed to the new ones; it is not while the module
     *     is not loaded
     */
    public record LoadedObject(String name, boolean patched, List<LoadedFunction> functions) {
        public LoadedObject {
            functions = List.copyOf(functions);
        }
    }

    /**
     * A function that a livepatch replaces.
     *
     * @param sympos which of several symbols of the name, from 1; 1 also for a unique name
     */
    public record LoadedFunction(String name, int sympos) {}

    /** The manifest, where it is ours. */
    public Optional<Manifest> manifest() {
        return origin instanceof Origin.Ours(Manifest manifest)
                ? Optional.of(manifest)
                : Optional.empty();
    }

    /** How many functions it replaces, in all objects. */
    int functionCount() {
        return objects.stream().mapToInt(o -> o.functions().size()).sum();
    }

    /** The names of all functions that it replaces. */
    Set<String> functionNames() {
        Set<String> names = new HashSet<>();
        for (LoadedObject object : objects) {
            object.functions().forEach(f -> names.add(f.name()));
        }
        return names;
    }
}
