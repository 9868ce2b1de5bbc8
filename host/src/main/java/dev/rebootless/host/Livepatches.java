package dev.rebootless.host;

import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.LoadedLivepatch.LoadedFunction;
import dev.rebootless.host.LoadedLivepatch.LoadedObject;
import dev.rebootless.host.LoadedLivepatch.Origin;
import dev.rebootless.host.files.HostFiles;
import dev.rebootless.host.files.Reading;
import dev.rebootless.kernel.ShippedCode;
import dev.rebootless.manifest.Manifest;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Reads which livepatches the kernel has. */
final class Livepatches {
    private static final String MODULES = "/sys/module";

    private final HostFiles files;

    Livepatches(HostFiles files) {
        this.files = files;
    }

    static String folder(String name) {
        return RunningKernel.LIVEPATCHES + "/" + name;
    }

    /**
     * All, the one that was loaded last at the end. The kernel says the order itself only since
     * 6.14 ({@code stack_order}); {@code /proc/modules} begins with the module that came last.
     *
     * @throws RebootlessException exit status 5: {@code RBL-HOST-NO-LIVEPATCH}, {@code
     *     RBL-HOST-UNREADABLE}
     */
    List<LoadedLivepatch> all() {
        RunningKernel.requireLivepatching(files);
        try {
            List<LoadedLivepatch> found = new ArrayList<>();
            for (String name : files.folders(RunningKernel.LIVEPATCHES)) {
                one(name).ifPresent(found::add);
            }
            // Read afterwards: it has all that are listed.
            Map<String, Integer> age = ages();
            for (LoadedLivepatch each : found) {
                if (found.size() > 1 && !age.containsKey(each.name())) {
                    throw new IOException(
                            "/proc/modules does not say when " + each.name() + " came");
                }
            }
            found.sort(
                    Comparator.comparingInt((LoadedLivepatch l) -> age.getOrDefault(l.name(), 0))
                            .reversed());
            return List.copyOf(found);
        } catch (IOException e) {
            throw unreadable(RunningKernel.LIVEPATCHES, e);
        }
    }

    /**
     * Modules of ours whose livepatch the kernel no longer lists, so that they do nothing: what is
     * left of a call that was killed before it removed them.
     */
    List<String> leftOver() {
        try {
            List<String> found = new ArrayList<>();
            for (String name : files.folders(MODULES)) {
                // One that comes has its note before the kernel lists its livepatch.
                if (files.exists(note(name))
                        && files.read(MODULES + "/" + name + "/initstate")
                                .known()
                                .filter("live"::equals)
                                .isPresent()
                        && files.isAbsent(folder(name))) {
                    found.add(name);
                }
            }
            return List.copyOf(found);
        } catch (IOException e) {
            throw unreadable(MODULES, e);
        }
    }

    private static String note(String name) {
        return MODULES + "/" + name + "/notes/" + Manifest.NOTE_SECTION;
    }

    private static RebootlessException unreadable(String place, IOException e) {
        return RebootlessException.environment(
                "RBL-HOST-UNREADABLE",
                place,
                "cannot be read: " + FileFaults.reason(e),
                "see that /proc and /sys are mounted and that this user may read them");
    }

    /** By name, the place in the list of modules: 0 for the one that came last. */
    private Map<String, Integer> ages() {
        Map<String, Integer> ages = new TreeMap<>();
        for (String line : files.read("/proc/modules").known().orElse("").split("\n")) {
            int end = line.indexOf(' ');
            if (end > 0) {
                ages.put(line.substring(0, end), ages.size());
            }
        }
        return ages;
    }

    /** One of them; empty when the kernel has no such livepatch, or it goes while it is read. */
    Optional<LoadedLivepatch> one(String name) throws IOException {
        Optional<Boolean> enabled = required(folder(name) + "/enabled");
        Optional<Boolean> transition = required(folder(name) + "/transition");
        if (enabled.isEmpty() || transition.isEmpty()) {
            return Optional.empty();
        }
        List<LoadedObject> objects = new ArrayList<>();
        try {
            for (String object : files.folders(folder(name))) {
                object(name, object).ifPresent(objects::add);
            }
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
        Origin origin = origin(name);
        Optional<Boolean> replace = flag(folder(name) + "/replace");
        if (replace.isEmpty() && origin instanceof Origin.Ours(Manifest manifest)) {
            replace = Optional.of(manifest.replace());
        }
        return Optional.of(
                new LoadedLivepatch(
                        name, enabled.get(), transition.get(), replace, objects, origin));
    }

    /** Empty when it goes while it is read: the kernel drops what it made up for a takeover. */
    private Optional<LoadedObject> object(String livepatch, String object) throws IOException {
        String folder = folder(livepatch) + "/" + object;
        List<LoadedFunction> functions = new ArrayList<>();
        List<String> entries;
        try {
            entries = files.folders(folder);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
        for (String entry : entries) {
            // NAME,SYMPOS; the kernel writes 1 for a unique name (klp_init_object_loaded()).
            int comma = entry.lastIndexOf(',');
            if (comma > 0) {
                functions.add(
                        new LoadedFunction(
                                entry.substring(0, comma), sympos(entry.substring(comma + 1))));
            }
        }
        // Without the attribute (before 6.1): vmlinux always is, a module if it is there.
        boolean patched =
                switch (files.read(folder + "/patched")) {
                    case Reading.Text(String text) -> !text.equals("0");
                    case Reading.Absent _ ->
                            object.equals(ShippedCode.VMLINUX)
                                    || files.exists("/sys/module/" + object);
                    // What cannot be read is never taken for patched.
                    case Reading.Unreadable _ -> false;
                };
        return Optional.of(new LoadedObject(object, patched, functions));
    }

    private static int sympos(String digits) {
        try {
            return Integer.parseInt(digits);
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    /** Empty when it is not there. */
    private Optional<Boolean> required(String file) throws IOException {
        return switch (files.read(file)) {
            case Reading.Text(String text) -> Optional.of(!text.equals("0"));
            case Reading.Absent _ -> Optional.empty();
            case Reading.Unreadable(String why) -> throw new IOException(file + ": " + why);
        };
    }

    private Optional<Boolean> flag(String file) {
        return files.read(file).known().map(text -> !text.equals("0"));
    }

    /** What the loaded module itself says. */
    private Origin origin(String name) {
        String note = note(name);
        try {
            return new Origin.Ours(ManifestNote.of(files.bytes(note)));
        } catch (NoSuchFileException e) {
            return new Origin.Foreign();
        } catch (IOException e) {
            return new Origin.Unknown(note + ": " + FileFaults.reason(e));
        } catch (RebootlessException e) {
            return new Origin.Unknown(e.problems().getFirst().message());
        }
    }
}
