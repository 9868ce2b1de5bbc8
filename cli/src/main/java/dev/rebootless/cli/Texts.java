package dev.rebootless.cli;

/** Descriptions of options that several commands have. */
final class Texts {
    static final String KERNEL =
            "The kernel build, as uname -r prints it (default: the running kernel if it is"
                    + " Debian's, else the only kit there is, else the newest 6.1 cloud kernel)."
                    + " Its kit is made first if need be.";

    static final String CHECK =
            "A script for busybox sh that must fail before the module is loaded, succeed while it"
                    + " is, and fail again once it is removed.";

    static final String JSON =
            "Print one JSON document (docs/schema/) on standard output, and nothing else there.";

    static final String JSON_LINES =
            "Print JSON documents (docs/schema/) on standard output, one a line, and nothing else"
                    + " there: what was built, and then each event.";

    private Texts() {}
}
