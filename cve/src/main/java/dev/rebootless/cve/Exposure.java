package dev.rebootless.cve;

/** Whether a kernel has the code that a CVE is in. */
public enum Exposure {
    /** It is in the kernel image or in a module that is loaded, or may be. */
    EXPOSED("exposed"),
    /** It is in modules, and none of them is loaded. */
    NOT_LOADED("not-loaded"),
    /** The configuration builds none of the files, or they are of another architecture. */
    NOT_BUILT("not-built"),
    /** Nobody says which files it is in. */
    UNKNOWN("unknown");

    private final String word;

    Exposure(String word) {
        this.word = word;
    }

    /** As reports and JSON write it. */
    public String word() {
        return word;
    }
}
