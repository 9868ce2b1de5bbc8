package dev.rebootless.host;

import java.nio.file.Path;

/** The system calls by which a module gets into the kernel and out again, and its log is read. */
interface KernelCalls {
    /** The errno of a call that went well. */
    int DONE = 0;

    /**
     * finit_module(2).
     *
     * @return {@link #DONE}, or the errno
     */
    int insert(Path module);

    /**
     * delete_module(2), which does not wait (O_NONBLOCK).
     *
     * @return {@link #DONE}, or the errno
     */
    int remove(String name);

    /**
     * What the kernel's log holds, with level and time before each line, as syslog(2) gives it;
     * empty where it may not be read.
     */
    String log();
}
