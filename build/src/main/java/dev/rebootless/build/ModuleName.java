package dev.rebootless.build;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.livepatch.ModuleLinker;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;

/** Names of livepatches, and of their modules as the kernel shows them. */
final class ModuleName {
    private static final Pattern ALLOWED = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_-]*");
    private static final String PREFIX = "livepatch_";

    private ModuleName() {}

    /**
     * The livepatch's name: as asked for, or from the patch's file name.
     *
     * @throws RebootlessException exit status 2 {@code RBL-NAME} when it cannot be part of a
     *     module's name
     */
    static String of(Optional<String> asked, Path patch) {
        String name =
                asked.orElseGet(() -> {
                    String file =
                            String.valueOf(patch.getFileName())
                                    .replaceAll("\\.(patch|diff|txt)$", "");
                    String clean = file.replaceAll("[^A-Za-z0-9_-]+", "-").replaceAll("^[-_]+", "");
                    int room = ModuleLinker.MAX_NAME_LENGTH - PREFIX.length();
                    return clean.length() > room ? clean.substring(0, room) : clean;
                });
        if (!ALLOWED.matcher(name).matches()
                || module(name).length() > ModuleLinker.MAX_NAME_LENGTH) {
            throw RebootlessException.usage(
                    "RBL-NAME",
                    name,
                    "it cannot be the name of a livepatch",
                    "give --name with letters, digits, - and _, at most "
                            + (ModuleLinker.MAX_NAME_LENGTH - PREFIX.length())
                            + " characters");
        }
        return name;
    }

    /**
     * The module's name as in /proc/modules: the kernel turns - into _ (include/linux/module.h).
     */
    static String module(String name) {
        return PREFIX + name.replace('-', '_');
    }
}
