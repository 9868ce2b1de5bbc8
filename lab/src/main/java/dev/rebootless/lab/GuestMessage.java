package dev.rebootless.lab;

import dev.rebootless.manifest.ProofCheck;
import dev.rebootless.manifest.ProofTask;
import java.util.List;

/** One step that the guest's {@code init.sh} reports. Times are seconds on the guest's clock. */
sealed interface GuestMessage {
    /**
     * The guest is up, and nothing has been loaded.
     *
     * @param tainted /proc/sys/kernel/tainted of the stock kernel by itself
     * @param release as {@code uname -r} prints it
     * @param version /proc/version
     */
    record Ready(long tainted, String release, String version) implements GuestMessage {}

    /** The check ran. */
    record Check(ProofCheck result) implements GuestMessage {}

    /**
     * insmod came to its end.
     *
     * @param index of the module in the order of loading, from 0
     * @param status of insmod, 0 when it worked
     * @param error what insmod said
     * @param kernelLines what the kernel said meanwhile; only given when it failed
     */
    record Load(int index, int status, double seconds, String error, List<String> kernelLines)
            implements GuestMessage {}

    /** The livepatch that the kernel now lists; an empty name when the module brought none. */
    record Livepatch(String name) implements GuestMessage {}

    /** Which way a transition goes. */
    enum Direction {
        /** To a livepatch that is loaded before the one to prove. */
        EARLIER,
        ENABLE,
        DISABLE,
        /** Back, after it did not end in time. */
        REVERSE
    }

    /** A transition ended, or was not waited for any longer. */
    record Transition(Direction direction, boolean done, double seconds) implements GuestMessage {}

    /** A task that keeps the transition from ending. */
    record Lagging(ProofTask task) implements GuestMessage {}

    /**
     * A function that the livepatch lists.
     *
     * @param patched false when its object is a module that is not loaded, or the kernel says that
     *     it is not patched
     * @param name {@code FUNCTION,SYMPOS}
     */
    record Function(boolean patched, String object, String name) implements GuestMessage {}

    /**
     * The taints while the livepatch is in force.
     *
     * @param moduleLetters /sys/module/NAME/taint
     * @param tainted /proc/sys/kernel/tainted
     */
    record Taints(String moduleLetters, long tainted) implements GuestMessage {}

    /** Where the targets are in their lives. */
    enum Stage {
        /** Inserted before the livepatch, as far as they can be inserted here. */
        PRESENT,
        /** Removed again; the livepatch comes first. */
        ABSENT,
        /** Inserted while the livepatch is in force. */
        LATE,
        /** Removed, and inserted once more under the same livepatch. */
        AGAIN
    }

    /**
     * A stage begins; only reported when there are targets.
     *
     * @param tainted /proc/sys/kernel/tainted
     */
    record StageBegins(Stage stage, long tainted) implements GuestMessage {}

    /**
     * A target was inserted with all that it needs, or one of these files was not.
     *
     * @param file the module at which it ended; the target itself when it worked
     * @param status 0 when it worked
     * @param error what insmod said
     * @param kernelLines what the kernel said meanwhile; only given when it failed
     */
    record Insert(
            String target,
            String file,
            int status,
            double seconds,
            String error,
            List<String> kernelLines)
            implements GuestMessage {}

    /** A target, or what it needs, was removed; status 0 when it is gone. */
    record Remove(String module, int status, double seconds, String error)
            implements GuestMessage {}

    /** When a livepatch that was loaded earlier was looked at. */
    enum When {
        /** All earlier ones are loaded, the one to prove is not. */
        BEFORE,
        /** The transition to the one to prove is done. */
        DURING,
        /** It was removed. */
        AFTER
    }

    /** What the kernel says of a livepatch that was loaded earlier. */
    enum Fate {
        /** It is enabled. */
        STAYS,
        /** It is not listed any more. */
        GONE,
        /** It is listed, disabled, and does not go. */
        DISABLED,
        /** The module brought no livepatch. */
        NONE
    }

    /**
     * What became of a module that was loaded earlier.
     *
     * @param index of the module in the order of loading, from 0
     * @param name as the kernel lists the livepatch; empty when the module brought none
     */
    record Earlier(When when, int index, String name, Fate fate) implements GuestMessage {}

    /** rmmod of an earlier livepatch that is gone came to its end. */
    record Release(String name, int status, double seconds, String error) implements GuestMessage {}

    /** rmmod of the livepatch came to its end. */
    record Unload(int status, double seconds, String error) implements GuestMessage {}

    /** Nothing more will come. */
    record End(long tainted) implements GuestMessage {}
}
