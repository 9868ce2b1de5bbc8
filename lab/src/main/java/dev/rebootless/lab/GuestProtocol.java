package dev.rebootless.lab;

import dev.rebootless.kernel.log.KernelLog;
import dev.rebootless.lab.GuestMessage.Direction;
import dev.rebootless.lab.GuestMessage.Fate;
import dev.rebootless.lab.GuestMessage.Stage;
import dev.rebootless.lab.GuestMessage.When;
import dev.rebootless.manifest.ProofCheck;
import dev.rebootless.manifest.ProofTask;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads what the guest reports on its second serial port. A line is {@code NONCE SEQUENCE KIND
 * FIELD...}, separated by single spaces; free text is base64 (RFC 4648, section 4), an empty field
 * is {@code -}. The nonce is drawn anew for each proof and the sequence counts from 0, so that a
 * line which is not from {@code init.sh}, or one that got lost, is noticed. Everything here comes
 * from a guest that may be in any state: a line that is not understood is counted, never fatal.
 */
final class GuestProtocol {
    /** The longest line there is: the output of a check in base64, and a little around it. */
    static final int MAX_LINE_BYTES = (ProofCheck.MAX_OUTPUT_BYTES + 1) * 4 / 3 + 1024;

    private static final int MAX_FIELDS = 9;
    private static final int MAX_STACK_LINES = 64;

    /**
     * With {@code timeout}, busybox and coreutils: 143 is 128 + SIGTERM, 124 what coreutils would
     * say.
     */
    private static final List<Integer> TIMEOUT_STATUSES = List.of(143, 124);

    private static final List<String> PHASES =
            List.of("before", "earlier", "during", "after", "late", "again", "run");

    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,18}");
    private static final Pattern NAME = Pattern.compile("[!-~]{1,256}");

    /** A frame of /proc/PID/stack: {@code [<0>] pipe_read+0x2f3/0x460}. */
    private static final Pattern FRAME = Pattern.compile("^\\[<[0-9a-f]*>\\] ");

    private final String nonce;
    private final double checkTimeoutSeconds;
    private long expected;
    private int unreadable;

    /**
     * @param checkTimeoutSeconds after which the guest ends a check
     */
    GuestProtocol(String nonce, double checkTimeoutSeconds) {
        this.nonce = nonce;
        this.checkTimeoutSeconds = checkTimeoutSeconds;
    }

    /** How many lines made no sense or were out of turn. Anything but 0 spoils a proof. */
    int unreadable() {
        return unreadable;
    }

    /**
     * The message of one line without its end; empty for a line that is not one, which is counted.
     */
    Optional<GuestMessage> accept(String line) {
        Optional<GuestMessage> message = Optional.empty();
        String[] words = line.strip().split(" ", MAX_FIELDS + 1);
        if (words.length >= 3
                && words.length <= MAX_FIELDS
                && words[0].equals(nonce)
                && words[1].equals(Long.toString(expected))) {
            try {
                message = Optional.of(parse(words[2], Arrays.copyOfRange(words, 3, words.length)));
                expected++;
            } catch (MalformedException e) {
                message = Optional.empty();
            }
        }
        if (message.isEmpty()) {
            unreadable++;
        }
        return message;
    }

    private GuestMessage parse(String kind, String[] fields) throws MalformedException {
        return switch (kind) {
            case "ready" -> {
                count(fields, 3);
                yield new GuestMessage.Ready(
                        number(fields[0]), text(fields[1]).strip(), text(fields[2]).strip());
            }
            case "check" -> {
                count(fields, 4);
                yield new GuestMessage.Check(check(fields));
            }
            case "load" -> {
                count(fields, 5);
                yield new GuestMessage.Load(
                        small(fields[0]),
                        small(fields[1]),
                        seconds(fields[2]),
                        text(fields[3]).strip(),
                        kernelLines(fields[4]));
            }
            case "livepatch" -> {
                count(fields, 1);
                yield new GuestMessage.Livepatch(fields[0].equals("-") ? "" : name(fields[0]));
            }
            case "transition" -> {
                count(fields, 3);
                yield new GuestMessage.Transition(
                        direction(fields[0]),
                        oneOf(fields[1], "done", "timeout"),
                        seconds(fields[2]));
            }
            case "task" -> {
                count(fields, 3);
                List<String> stack =
                        text(fields[2])
                                .lines()
                                .limit(MAX_STACK_LINES)
                                .map(frame -> FRAME.matcher(frame).replaceFirst(""))
                                .toList();
                yield new GuestMessage.Lagging(
                        new ProofTask(small(fields[0]), text(fields[1]).strip(), stack));
            }
            case "function" -> {
                count(fields, 3);
                yield new GuestMessage.Function(
                        oneOf(fields[0], "1", "0"), name(fields[1]), name(fields[2]));
            }
            case "taint" -> {
                count(fields, 2);
                yield new GuestMessage.Taints(
                        fields[0].equals("-") ? "" : name(fields[0]), number(fields[1]));
            }
            case "stage" -> {
                count(fields, 2);
                yield new GuestMessage.StageBegins(stage(fields[0]), number(fields[1]));
            }
            case "insert" -> {
                count(fields, 6);
                yield new GuestMessage.Insert(
                        name(fields[0]),
                        name(fields[1]),
                        small(fields[2]),
                        seconds(fields[3]),
                        text(fields[4]).strip(),
                        kernelLines(fields[5]));
            }
            case "remove" -> {
                count(fields, 4);
                yield new GuestMessage.Remove(
                        name(fields[0]),
                        small(fields[1]),
                        seconds(fields[2]),
                        text(fields[3]).strip());
            }
            case "earlier" -> {
                count(fields, 4);
                yield new GuestMessage.Earlier(
                        when(fields[0]),
                        small(fields[1]),
                        fields[2].equals("-") ? "" : name(fields[2]),
                        fate(fields[3]));
            }
            case "release" -> {
                count(fields, 4);
                yield new GuestMessage.Release(
                        name(fields[0]),
                        small(fields[1]),
                        seconds(fields[2]),
                        text(fields[3]).strip());
            }
            case "unload" -> {
                count(fields, 3);
                yield new GuestMessage.Unload(
                        small(fields[0]), seconds(fields[1]), text(fields[2]).strip());
            }
            case "end" -> {
                count(fields, 1);
                yield new GuestMessage.End(number(fields[0]));
            }
            default -> throw new MalformedException();
        };
    }

    private ProofCheck check(String[] fields) throws MalformedException {
        String phase = fields[0];
        if (!PHASES.contains(phase)) {
            throw new MalformedException();
        }
        int status = small(fields[1]);
        double seconds = seconds(fields[2]);
        byte[] output = bytes(fields[3]);
        boolean truncated = output.length > ProofCheck.MAX_OUTPUT_BYTES;
        int kept = Math.min(output.length, ProofCheck.MAX_OUTPUT_BYTES);
        return new ProofCheck(
                phase,
                status,
                new String(output, 0, kept, StandardCharsets.UTF_8),
                truncated,
                TIMEOUT_STATUSES.contains(status) && seconds >= checkTimeoutSeconds,
                seconds);
    }

    private static Direction direction(String word) throws MalformedException {
        return switch (word) {
            case "earlier" -> Direction.EARLIER;
            case "enable" -> Direction.ENABLE;
            case "disable" -> Direction.DISABLE;
            case "reverse" -> Direction.REVERSE;
            default -> throw new MalformedException();
        };
    }

    private static When when(String word) throws MalformedException {
        return switch (word) {
            case "before" -> When.BEFORE;
            case "during" -> When.DURING;
            case "after" -> When.AFTER;
            default -> throw new MalformedException();
        };
    }

    private static Fate fate(String word) throws MalformedException {
        return switch (word) {
            case "stays" -> Fate.STAYS;
            case "gone" -> Fate.GONE;
            case "disabled" -> Fate.DISABLED;
            case "none" -> Fate.NONE;
            default -> throw new MalformedException();
        };
    }

    private static Stage stage(String word) throws MalformedException {
        return switch (word) {
            case "present" -> Stage.PRESENT;
            case "absent" -> Stage.ABSENT;
            case "late" -> Stage.LATE;
            case "again" -> Stage.AGAIN;
            default -> throw new MalformedException();
        };
    }

    /** busybox tries twice, so the kernel complains twice. */
    private static List<String> kernelLines(String field) throws MalformedException {
        return text(field).lines().map(KernelLog::withoutStamp).distinct().toList();
    }

    private static boolean oneOf(String word, String yes, String no) throws MalformedException {
        if (!word.equals(yes) && !word.equals(no)) {
            throw new MalformedException();
        }
        return word.equals(yes);
    }

    private static void count(String[] fields, int expected) throws MalformedException {
        if (fields.length != expected) {
            throw new MalformedException();
        }
    }

    private static String name(String field) throws MalformedException {
        Matcher matcher = NAME.matcher(field);
        if (!matcher.matches()) {
            throw new MalformedException();
        }
        return field;
    }

    private static long number(String field) throws MalformedException {
        if (!NUMBER.matcher(field).matches()) {
            throw new MalformedException();
        }
        return Long.parseLong(field);
    }

    private static int small(String field) throws MalformedException {
        long value = number(field);
        if (value > Integer.MAX_VALUE) {
            throw new MalformedException();
        }
        return (int) value;
    }

    /** The guest counts in hundredths, as /proc/uptime does. */
    private static double seconds(String field) throws MalformedException {
        return number(field) / 100.0;
    }

    private static String text(String field) throws MalformedException {
        return new String(bytes(field), StandardCharsets.UTF_8);
    }

    private static byte[] bytes(String field) throws MalformedException {
        if (field.equals("-")) {
            return new byte[0];
        }
        try {
            return Base64.getDecoder().decode(field);
        } catch (IllegalArgumentException e) {
            throw new MalformedException();
        }
    }

    /** A line that is not as {@code init.sh} writes it. Never leaves this class. */
    private static final class MalformedException extends Exception {}
}
