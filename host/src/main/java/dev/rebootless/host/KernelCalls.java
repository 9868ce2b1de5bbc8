package dev.rebootless.host;

import java.util.Optional;

/** The system calls by which a module gets into the kernel and out again, and its log is read. */
interface KernelCalls {
    /** The errno of a call that went well. */
    int DONE = 0;

    /**
     * finit_module(2) of a sealed copy in memory: what was checked is what is loaded, whatever
     * becomes of the file meanwhile.
     *
     * @param module all of it
     * @return {@link #DONE}, or the errno
     */
    int insert(byte[] module);

    /**
     * delete_module(2), which does not wait (O_NONBLOCK).
     *
     * @return {@link #DONE}, or the errno
     */
    int remove(String name);

    /**
     * The end of the kernel's log, with level and time before each line, as syslog(2) gives it;
     * empty where it may not be read.
     */
    Optional<String> log();
}
