package dev.rebootless.source.kit;

import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.NavigableSet;

/** Where packages come from: apt's sources, or a folder of .deb files. */
sealed interface PackageSource permits AptPackages, FolderPackages {
    /** Every version served of the packages of these names; names that are unknown give nothing. */
    List<PackageRecord> versions(Collection<String> names);

    /** The names of all packages that start so. */
    NavigableSet<String> names(String prefix);

    /**
     * Brings the .deb of a package into an empty folder. Its content is not to be trusted before
     * its hash is checked.
     *
     * @return the file
     */
    Path fetch(PackageRecord wanted, Path folder);

    /** For messages: "apt" or "the folder …". */
    String describe();
}
