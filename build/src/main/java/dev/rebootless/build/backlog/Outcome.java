package dev.rebootless.build.backlog;

import static java.util.Objects.requireNonNull;

import dev.rebootless.build.Concern;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What came of one CVE's fix by itself, as it is kept for later runs.
 *
 * @param format {@value #FORMAT}
 * @param cve its id
 * @param key of all that decides over it: the same key, the same outcome
 * @param pieces that were taken, in order
 * @param story what had to be brought along, or left out, and why
 * @param notes for a reviewer
 * @param problems why it is refused; empty if it is not
 * @param functions that its livepatch replaces
 * @param unchangedFunctions that the source changes and the livepatch does not have: not built
 *     here, or compiled as before, or a part of functions that are replaced
 * @param warnings of its livepatch
 * @param concerns what of these no tool proves
 * @param stated whether a feed lists all files of the fix
 * @param narrowed whether not all that may be part of the fix was taken
 * @param told what another line of kernels told apart, whether it came to anything or not; empty
 *     where it told nothing, or was not asked
 * @param seconds that it took
 */
public record Outcome(
        int format,
        String cve,
        String key,
        Verdict verdict,
        List<Part> pieces,
        List<String> story,
        List<String> notes,
        List<Refusal> problems,
        List<Function> functions,
        List<String> unchangedFunctions,
        List<String> warnings,
        SortedSet<Concern> concerns,
        boolean stated,
        boolean narrowed,
        String told,
        double seconds) {
    /** Raised whenever the same key could come to something else. */
    static final int FORMAT = 5;

    public Outcome {
        requireNonNull(cve);
        requireNonNull(key);
        requireNonNull(verdict);
        requireNonNull(told);
        pieces = List.copyOf(pieces);
        story = List.copyOf(story);
        notes = List.copyOf(notes);
        problems = List.copyOf(problems);
        functions = List.copyOf(functions);
        unchangedFunctions = List.copyOf(unchangedFunctions);
        warnings = List.copyOf(warnings);
        concerns = Collections.unmodifiableSortedSet(new TreeSet<>(concerns));
    }

    /** The same, tried before, with what is to be said of the fix now. */
    Outcome withNotes(List<String> now) {
        return new Outcome(
                format,
                cve,
                key,
                verdict,
                pieces,
                story,
                now,
                problems,
                functions,
                unchangedFunctions,
                warnings,
                concerns,
                stated,
                narrowed,
                told,
                seconds);
    }

    /** How it ended. */
    public enum Verdict {
        /** A livepatch of it can be made. */
        BUILT,
        /** No compiled code changes on this kernel. */
        UNCHANGED,
        /** None can be made. */
        REFUSED,
        /** Where its fix is was not found, so nothing was tried. */
        NOT_FOUND
    }

    /**
     * A file's change between two versions of the source.
     *
     * @param hunks runs of changed lines, by number in the file's difference, from 0; then what a
     *     header gains; empty for all of the former
     */
    public record Part(String older, String newer, String path, List<Integer> hunks) {
        public Part {
            hunks = List.copyOf(hunks);
        }
    }

    /** A reason, as problems have it. */
    public record Refusal(String code, String place, String message, String remedy) {}

    /** A function of a target object. */
    public record Function(String object, String name, int sympos, String unit) {}

    /**
     * What of it is left to a person: nothing, where the change stays within functions (no lock,
     * reference, signature or type that code of before the switch shares with the new is another
     * afterwards), and all of the fix is known and taken.
     */
    public Set<Doubt> doubts() {
        EnumSet<Doubt> doubts = EnumSet.noneOf(Doubt.class);
        for (Concern concern : concerns) {
            doubts.add(
                    switch (concern) {
                        case LOCKS, SIGNATURES, TYPES -> Doubt.ACROSS_THE_SWITCH;
                        case KERNEL_THREAD -> Doubt.KERNEL_THREAD;
                    });
        }
        if (narrowed) {
            doubts.add(Doubt.NARROWED);
        }
        if (!stated) {
            doubts.add(Doubt.FILES_FROM_TITLE);
        }
        return Collections.unmodifiableSet(doubts);
    }
}
