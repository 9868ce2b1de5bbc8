package dev.rebootless.build.exposure;

import java.util.Collections;
import java.util.SortedSet;
import java.util.TreeSet;

/** Where a CVE's fix is, and who says so. */
public sealed interface Place {
    /** The files as a feed lists them: all that the fix changes. */
    record Stated(SortedSet<String> files, String source) implements Place {
        /** Of a CVE record, or a table of facts. */
        public Stated {
            files = Collections.unmodifiableSortedSet(new TreeSet<>(files));
        }
    }

    /**
     * Files that define what the title names. The fix may change others as well, so what is built
     * of it wants a reviewer.
     *
     * @param files each of which defines it; mostly one
     * @param name a function's, or a file's
     */
    record Named(SortedSet<String> files, String name) implements Place {
        /** Of a changelog's title. */
        public Named {
            files = Collections.unmodifiableSortedSet(new TreeSet<>(files));
        }
    }

    /**
     * Folders of the name that the title begins with, when no file in them is built.
     *
     * @param name a word of the title
     */
    record UnbuiltFolder(SortedSet<String> folders, String name) implements Place {
        /** Of a changelog's title. */
        public UnbuiltFolder {
            folders = Collections.unmodifiableSortedSet(new TreeSet<>(folders));
        }
    }

    /** The changelog marks it as one of other architectures. */
    record OtherArchitecture() implements Place {}

    /**
     * The files of the folders that a title names which change in the step that has the fix: it is
     * in one of them, or several.
     *
     * @param files C files
     * @param others headers and what else of these folders changes; with the files at least one
     * @param name a word of the title
     * @param step in which they change, for people
     */
    record Among(SortedSet<String> files, SortedSet<String> others, String name, String step)
            implements Place {
        /** Of a changelog's title and the sources' differences. */
        public Among {
            files = Collections.unmodifiableSortedSet(new TreeSet<>(files));
            others = Collections.unmodifiableSortedSet(new TreeSet<>(others));
        }
    }

    /**
     * Nobody says.
     *
     * @param why what speaks against the place that a title seems to name; empty where it names
     *     none
     */
    record Unknown(String why) implements Place {}

    /** The files that the fix may be in; none where only folders are known, or nothing. */
    default SortedSet<String> files() {
        return switch (this) {
            case Stated(var files, String _) -> files;
            case Named(var files, String _) -> files;
            case Among(var files, var _, String _, String _) -> files;
            case UnbuiltFolder _, OtherArchitecture _, Unknown _ -> Collections.emptySortedSet();
        };
    }

    /** Who says so, for people. */
    default String source() {
        return switch (this) {
            case Stated(var _, String source) -> source;
            case Named(var _, String name) -> "the title names " + name;
            case UnbuiltFolder(var _, String name) -> "the title names " + name;
            case OtherArchitecture _ -> "changelog";
            case Among(var files, var _, String name, String step) ->
                    "the title names %s, of which %s"
                            .formatted(
                                    name,
                                    files.size() == 1
                                            ? "one file changes " + step
                                            : files.isEmpty()
                                                    ? "only headers change " + step
                                                    : files.size() + " files change " + step);
            case Unknown(String why) -> why;
        };
    }
}
