package dev.rebootless.manifest;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What a livepatch module says of itself, read from modules that may be foreign: a field that is
 * missing there fails the constructor here. It is embedded in the module as an ELF note and stands,
 * with the proof, in the JSON beside it. Nothing in it depends on when or where it was built: the
 * same inputs give the same manifest.
 *
 * @param schemaVersion {@value #SCHEMA_VERSION}
 * @param name of the livepatch, as given to {@code --name}
 * @param module the module's name as the kernel shows it
 * @param replace whether it takes over from all earlier livepatches (atomic replace)
 * @param cves the CVE ids that it closes, sorted
 * @param kernel the one kernel build it is for
 * @param inputs all that it was built from
 * @param objects the functions it replaces
 * @param added functions and data that it brings along, sorted
 * @param warnings what a reviewer should look at, sorted
 * @param level of a livepatch that was made of a kernel's backlog: how far it brings the kernel
 */
public record Manifest(
        int schemaVersion,
        String name,
        String module,
        boolean replace,
        List<String> cves,
        Kernel kernel,
        Inputs inputs,
        List<TargetObject> objects,
        List<String> added,
        List<String> warnings,
        Optional<Level> level) {
    /** Version of this format. */
    public static final int SCHEMA_VERSION = 1;

    /** Name of the ELF note's section, seen at {@code /sys/module/NAME/notes/} on a host. */
    public static final String NOTE_SECTION = ".note.rebootless";

    /** Owner name and type of the ELF note. */
    public static final String NOTE_NAME = "rebootless";

    public static final int NOTE_TYPE = 1;

    public Manifest {
        requireNonNull(name);
        requireNonNull(module);
        requireNonNull(kernel);
        requireNonNull(inputs);
        requireNonNull(level);
        cves = List.copyOf(cves);
        objects = List.copyOf(objects);
        added = List.copyOf(added);
        warnings = List.copyOf(warnings);
    }

    /** The functions that it replaces, each with its object: {@code OBJECT:NAME[,SYMPOS]}. */
    public SortedSet<String> functions() {
        SortedSet<String> functions = new TreeSet<>();
        for (TargetObject object : objects) {
            for (PatchedFunction function : object.functions()) {
                functions.add(
                        object.name()
                                + ":"
                                + function.name()
                                + (function.sympos() > 1 ? "," + function.sympos() : ""));
            }
        }
        return functions;
    }

    /**
     * The security level of a newer package version, as far as a livepatch brings it. CVE ids are
     * sorted.
     *
     * @param running the package version that it was made for
     * @param to the newer one
     * @param exposed how many CVEs that were fixed in between are in code that the kernel has
     * @param notAffected of these those whose fix changes no compiled code of the kernel
     * @param unreviewed of those that the livepatch closes the ones that a person should look at
     * @param waiting of the exposed those that wait for a reboot
     */
    public record Level(
            String running,
            String to,
            int exposed,
            List<String> notAffected,
            List<String> unreviewed,
            List<String> waiting) {
        public Level {
            requireNonNull(running);
            requireNonNull(to);
            notAffected = List.copyOf(notAffected);
            unreviewed = List.copyOf(unreviewed);
            waiting = List.copyOf(waiting);
        }
    }

    /**
     * A kernel build.
     *
     * @param release what {@code uname -r} prints
     * @param buildId hexadecimal, of the image
     * @param packageVersion of the image package
     * @param vermagic as modules of this kernel carry it
     */
    public record Kernel(String release, String buildId, String packageVersion, String vermagic) {
        public Kernel {
            requireNonNull(release);
            requireNonNull(buildId);
            requireNonNull(packageVersion);
            requireNonNull(vermagic);
        }
    }

    /**
     * What the module was built from; hashes are SHA-256 in hexadecimal.
     *
     * @param patches the source patches, in the order in which they were applied
     * @param source the package of the kernel's source
     * @param image the shipped kernel image (vmlinuz)
     * @param config the kernel's configuration
     * @param exports {@code Module.symvers}: the exported symbols and their CRCs
     * @param compiler the compiler's version line and its program's hash
     * @param objtool the kernel's own tool that finishes the module
     * @param tool Rebootless's own version
     */
    public record Inputs(
            List<Input> patches,
            Input source,
            Input image,
            Input config,
            Input exports,
            Input compiler,
            Input objtool,
            String tool) {
        public Inputs {
            requireNonNull(source);
            requireNonNull(image);
            requireNonNull(config);
            requireNonNull(exports);
            requireNonNull(compiler);
            requireNonNull(objtool);
            requireNonNull(tool);
            patches = List.copyOf(patches);
        }
    }

    /** A named input and its SHA-256. */
    public record Input(String name, String sha256) {
        public Input {
            requireNonNull(name);
            requireNonNull(sha256);
        }
    }

    /**
     * The functions replaced in one target object.
     *
     * @param name {@code vmlinux} or a module's
     * @param buildId of it as shipped, hexadecimal; a host whose module has another one runs
     *     another build of it. Empty where it has none
     */
    public record TargetObject(
            String name, Optional<String> buildId, List<PatchedFunction> functions) {
        public TargetObject {
            requireNonNull(name);
            requireNonNull(buildId);
            functions = List.copyOf(functions);
        }
    }

    /**
     * A replaced function.
     *
     * @param sympos which of several symbols of the name, from 1; 0 if the name is unique
     * @param unit the source file it comes from
     */
    public record PatchedFunction(String name, int sympos, String unit) {
        public PatchedFunction {
            requireNonNull(name);
            requireNonNull(unit);
        }
    }
}
