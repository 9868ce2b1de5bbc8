package dev.rebootless.host;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.FileFaults;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.files.HostFiles;
import dev.rebootless.host.files.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What is loaded at boot, by kernel release and build id: {@code
 * /var/lib/rebootless/RELEASE/BUILDID}. A list names the modules in the order of loading; a
 * module's file is written before the list names it, and removed after the list no longer does. So
 * whatever ends a call, the list is whole and all that it names is there; a file that it does not
 * name is left over, and goes with the next change.
 */
final class Store {
    /** Where all that is kept on a host is. */
    static final String ROOT = "/var/lib/rebootless";

    private static final String LIST = "installed.json";
    private static final int SCHEMA_VERSION = 1;

    /** A release is part of a path; {@code uname -r} has no others (Debian's package names). */
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._+~-]*");

    private final HostFiles files;
    private final String folder;

    /**
     * @param release of the kernel
     * @param buildId of it, hexadecimal
     * @throws RebootlessException exit status 2, {@code RBL-MANIFEST}, when they are no names
     */
    Store(HostFiles files, String release, String buildId) {
        if (!NAME.matcher(release).matches() || !NAME.matcher(buildId).matches()) {
            throw RebootlessException.usage(
                    "RBL-MANIFEST",
                    release + "/" + buildId,
                    "is no kernel release with its build id",
                    "build the module again");
        }
        this.files = files;
        this.folder = ROOT + "/" + release + "/" + buildId;
    }

    /**
     * A module that is loaded at boot.
     *
     * @param name as the kernel shows it
     * @param file its name in the folder
     * @param skipped why it is not loaded any more, although it is installed
     */
    record Installed(String name, String file, String sha256, Optional<String> skipped) {
        Installed withSkipped(String why) {
            return new Installed(name, file, sha256, Optional.of(why));
        }
    }

    /** What is loaded at boot, for whoever only looks. */
    sealed interface Contents {
        /**
         * The list is whole.
         *
         * @param modules in the order of loading
         */
        record Known(List<Installed> modules) implements Contents {
            public Known {
                modules = List.copyOf(modules);
            }
        }

        /** It cannot be read or understood, or the kernel's build is not known. */
        record Unknown(String why) implements Contents {}

        /** Whether it is known that nothing is installed. */
        default boolean areNone() {
            return this instanceof Known(List<Installed> modules) && modules.isEmpty();
        }
    }

    /** As {@link #installed}, where a damaged list is no failure. */
    Contents contents() {
        try {
            return new Contents.Known(installed());
        } catch (RebootlessException e) {
            Problem problem = e.problems().getFirst();
            return new Contents.Unknown(problem.place() + " " + problem.message());
        }
    }

    /**
     * What is installed, in the order of loading.
     *
     * @throws RebootlessException exit status 5 {@code RBL-HOST-STORE}
     */
    List<Installed> installed() {
        try {
            String json = Files.readString(files.path(folder + "/" + LIST));
            return parse(json);
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (IOException e) {
            throw fault(e);
        }
    }

    private List<Installed> parse(String json) {
        List<Installed> all = new ArrayList<>();
        try {
            Map<String, Object> list = JsonObject.parse(json);
            if (list.get("modules") instanceof List<?> modules) {
                for (Object each : modules) {
                    if (each instanceof Map<?, ?> module
                            && module.get("name") instanceof String name
                            && module.get("file") instanceof String file
                            && NAME.matcher(file).matches()
                            && module.get("sha256") instanceof String sha256
                            && NAME.matcher(name).matches()) {
                        all.add(
                                new Installed(
                                        name,
                                        file,
                                        sha256,
                                        module.get("skipped") instanceof String why
                                                ? Optional.of(why)
                                                : Optional.empty()));
                    } else {
                        throw damaged();
                    }
                }
                return List.copyOf(all);
            }
        } catch (JsonObject.NoneException e) {
            // As it is said.
        }
        throw damaged();
    }

    private RebootlessException damaged() {
        return RebootlessException.environment(
                "RBL-HOST-STORE",
                folder + "/" + LIST,
                "cannot be understood",
                "remove it, and install the modules again");
    }

    /** The file of an installed module. */
    Path file(Installed module) {
        return files.path(folder + "/" + module.file());
    }

    /**
     * Adds a module: in the place of one of its name, else behind the others; without those that it
     * replaces.
     *
     * @param bytes of the module
     * @param replaced names that are no longer installed
     */
    void add(String name, String sha256, byte[] bytes, List<String> replaced) {
        String file = name + "-" + sha256.substring(0, 16) + ".ko";
        List<Installed> next = new ArrayList<>();
        Installed added = new Installed(name, file, sha256, Optional.empty());
        for (Installed each : installed()) {
            if (each.name().equals(name)) {
                next.add(added);
            } else if (!replaced.contains(each.name())) {
                next.add(each);
            }
        }
        if (!next.contains(added)) {
            next.add(added);
        }
        try {
            Files.createDirectories(files.path(folder));
            AtomicFiles.write(files.path(folder + "/" + file), bytes);
        } catch (IOException e) {
            throw fault(e);
        }
        write(next);
    }

    /**
     * Takes a module out.
     *
     * @return whether it was installed
     */
    boolean remove(String name) {
        List<Installed> now = installed();
        List<Installed> next = now.stream().filter(each -> !each.name().equals(name)).toList();
        if (next.size() == now.size()) {
            return false;
        }
        write(next);
        return true;
    }

    /** Leaves a module installed, and says why it is not loaded any more. */
    void skip(String name, String why) {
        List<Installed> now = installed();
        if (now.stream().noneMatch(each -> each.name().equals(name))) {
            return;
        }
        List<Installed> next =
                now.stream()
                        .map(each -> each.name().equals(name) ? each.withSkipped(why) : each)
                        .toList();
        write(next);
    }

    private void write(List<Installed> next) {
        try {
            Path list = files.path(folder + "/" + LIST);
            if (next.isEmpty()) {
                AtomicFiles.remove(list);
            } else {
                AtomicFiles.write(list, text(next) + "\n");
            }
            removeLeftOvers(next.stream().map(Installed::file).toList());
        } catch (IOException e) {
            throw fault(e);
        }
    }

    private static String text(List<Installed> all) {
        List<Object> modules = new ArrayList<>();
        for (Installed each : all) {
            Map<String, Object> module = new LinkedHashMap<>();
            module.put("name", each.name());
            module.put("file", each.file());
            module.put("sha256", each.sha256());
            each.skipped().ifPresent(why -> module.put("skipped", why));
            modules.add(module);
        }
        Map<String, Object> content = new LinkedHashMap<>();
        content.put("schemaVersion", SCHEMA_VERSION);
        content.put("modules", modules);
        return JsonObject.text(content);
    }

    private void removeLeftOvers(List<String> named) throws IOException {
        for (String file : files.names(folder)) {
            boolean leftOver = file.endsWith(".ko") && !named.contains(file);
            if (leftOver || file.endsWith(".tmp")) {
                Files.deleteIfExists(files.path(folder + "/" + file));
            }
        }
    }

    /** Modules for other kernels are none of this one's business: whether there are any at all. */
    static boolean isEmpty(HostFiles files) {
        try {
            for (String release : files.folders(ROOT)) {
                for (String build : files.folders(ROOT + "/" + release)) {
                    if (NAME.matcher(release).matches()
                            && NAME.matcher(build).matches()
                            && files.exists(ROOT + "/" + release + "/" + build + "/" + LIST)
                            && !new Store(files, release, build).installed().isEmpty()) {
                        return false;
                    }
                }
            }
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private RebootlessException fault(IOException e) {
        return fault(folder, e);
    }

    /** What is kept cannot be read or written (exit status 5). */
    static RebootlessException fault(String place, IOException e) {
        return RebootlessException.environment(
                "RBL-HOST-STORE",
                place,
                "cannot be read or written: " + FileFaults.reason(e),
                "see that /var/lib is there, may be written by root, and has room");
    }
}
