package dev.rebootless.host;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.LoadedLivepatch.LoadedFunction;
import dev.rebootless.host.LoadedLivepatch.LoadedObject;
import dev.rebootless.host.LoadedLivepatch.Origin;
import dev.rebootless.kernel.Notes;
import dev.rebootless.manifest.Manifest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Reads which livepatches the kernel has. */
final class Livepatches {
    private static final String VMLINUX = "vmlinux";

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
            Map<String, Integer> age = ages();
            List<LoadedLivepatch> found = new ArrayList<>();
            for (String name : files.folders(RunningKernel.LIVEPATCHES)) {
                one(name).ifPresent(found::add);
            }
            found.sort(
                    Comparator.comparingInt((LoadedLivepatch l) -> age.getOrDefault(l.name(), 0))
                            .reversed());
            return List.copyOf(found);
        } catch (IOException e) {
            throw unreadable(RunningKernel.LIVEPATCHES, e);
        }
    }

    private static RebootlessException unreadable(String place, IOException e) {
        return RebootlessException.environment(
                "RBL-HOST-UNREADABLE",
                place,
                "cannot be read: " + HostFiles.reason(e),
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
        Optional<Boolean> enabled = flag(folder(name) + "/enabled");
        Optional<Boolean> transition = flag(folder(name) + "/transition");
        if (enabled.isEmpty() || transition.isEmpty()) {
            return Optional.empty();
        }
        List<LoadedObject> objects = new ArrayList<>();
        try {
            for (String object : files.folders(folder(name))) {
                objects.add(object(name, object));
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

    private LoadedObject object(String livepatch, String object) throws IOException {
        String folder = folder(livepatch) + "/" + object;
        List<LoadedFunction> functions = new ArrayList<>();
        for (String entry : files.folders(folder)) {
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
                flag(folder + "/patched")
                        .orElseGet(() ->
                                object.equals(VMLINUX) || files.exists("/sys/module/" + object));
        return new LoadedObject(object, patched, functions);
    }

    private static int sympos(String digits) {
        try {
            return Integer.parseInt(digits);
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    private Optional<Boolean> flag(String file) {
        return files.read(file).known().map(text -> !text.equals("0"));
    }

    /** What the loaded module itself says. */
    private Origin origin(String name) {
        String note = "/sys/module/" + name + "/notes/" + Manifest.NOTE_SECTION;
        try {
            byte[] bytes = files.bytes(note);
            Optional<byte[]> json = Notes.find(bytes, Manifest.NOTE_NAME, Manifest.NOTE_TYPE);
            return json.isEmpty()
                    ? new Origin.Unknown("its note is damaged")
                    : new Origin.Ours(
                            ManifestNote.parse(new String(json.get(), StandardCharsets.UTF_8)));
        } catch (NoSuchFileException e) {
            return new Origin.Foreign();
        } catch (IOException e) {
            return new Origin.Unknown(note + ": " + HostFiles.reason(e));
        } catch (RebootlessException e) {
            return new Origin.Unknown(e.problems().getFirst().message());
        }
    }
}
