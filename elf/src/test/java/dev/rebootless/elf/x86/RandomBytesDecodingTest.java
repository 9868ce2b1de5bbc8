package dev.rebootless.elf.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.rebootless.base.Subprocess;
import dev.rebootless.elf.x86.Instruction.Kind;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The decoder on bytes that no compiler wrote. */
class RandomBytesDecodingTest {
    private static final int ROUNDS = 200_000;
    private static final int SEQUENCES = 60_000;

    /** {@code nop}s after each sequence: whatever it is, decoding is in step again after them. */
    private static final int PADDING = 16;

    private static final int NOP = 0x90;
    private static final int FWAIT = 0x9B;
    private static final int[] PREFIXES = {
        0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x41, 0x48, 0x4C
    };

    @TempDir Path folder;

    private static Random seeded() {
        long seed = Long.getLong("rebootless.seed", 20_261_122L);
        System.out.println("seed: -Drebootless.seed=" + seed);
        return new Random(seed);
    }

    /** Fifteen bytes: any, or beginning with prefixes, an escape, VEX, EVEX or XOP. */
    private static byte[] sequence(Random random) {
        byte[] bytes = new byte[X86Decoder.MAX_LENGTH];
        random.nextBytes(bytes);
        int at = 0;
        if (random.nextInt(3) == 0) {
            for (int n = random.nextInt(4); n > 0; n--) {
                bytes[at++] = (byte) PREFIXES[random.nextInt(PREFIXES.length)];
            }
        }
        switch (random.nextInt(8)) {
            case 0 -> bytes[at] = 0x0F;
            case 1 -> {
                bytes[at] = 0x0F;
                bytes[at + 1] = (byte) (random.nextBoolean() ? 0x38 : 0x3A);
            }
            case 2 -> bytes[at] = (byte) 0xC5;
            case 3 -> {
                bytes[at] = (byte) 0xC4;
                bytes[at + 1] = (byte) ((bytes[at + 1] & 0xE0) | (1 + random.nextInt(3)));
            }
            case 4 -> {
                bytes[at] = 0x62;
                bytes[at + 1] = (byte) ((bytes[at + 1] & 0xF0) | (1 + random.nextInt(6)));
                bytes[at + 2] |= 1 << 2;
            }
            case 5 -> {
                bytes[at] = (byte) 0x8F;
                bytes[at + 1] = (byte) ((bytes[at + 1] & 0xE0) | (8 + random.nextInt(3)));
            }
            default -> {}
        }
        return bytes;
    }

    static void checkEveryInstruction(byte[] code, int start, int end) {
        int next = start;
        for (Instruction instruction : X86Decoder.all(code, start, end)) {
            boolean sound =
                    instruction.offset() == next
                            && instruction.length() >= 1
                            && instruction.length() <= X86Decoder.MAX_LENGTH
                            && instruction.end() <= end
                            && inside(instruction.displacement(), instruction)
                            && inside(instruction.immediate(), instruction)
                            && instruction.target().isPresent()
                                    == instruction.kind().isRelativeBranch()
                            && (!instruction.ripRelative()
                                    || instruction.displacement().size() == 4)
                            && (instruction.kind() != Kind.UNKNOWN || instruction.length() == 1);
            // Asked a million times, so AssertJ only speaks when it is wrong.
            if (!sound) {
                fail(HexFormat.of().formatHex(code, start, end) + ": " + instruction);
            }
            next = instruction.end();
        }
        if (next != end) {
            fail(HexFormat.of().formatHex(code, start, end) + ": ends at " + next);
        }
    }

    private static boolean inside(Field field, Instruction instruction) {
        return field.isPresent()
                ? field.offset() > instruction.offset()
                        && field.end() <= instruction.end()
                        && Integer.bitCount(field.size()) == 1
                        && field.size() <= Long.BYTES
                : field.equals(Field.NONE);
    }

    @Test
    void whateverTheBytesAreInstructionsStayInBounds() {
        Random random = seeded();
        for (int round = 0; round < ROUNDS; round++) {
            byte[] code = sequence(random);
            int start = random.nextInt(code.length);
            int end = start + 1 + random.nextInt(code.length - start);
            checkEveryInstruction(code, start, end);
        }
    }

    @Test
    void whatFollowsTheEndHasNoInfluence() {
        Random random = seeded();
        for (int round = 0; round < ROUNDS; round++) {
            byte[] code = sequence(random);
            int end = 1 + random.nextInt(code.length);
            Instruction within = X86Decoder.decode(code, 0, end);
            if (!within.equals(X86Decoder.decode(Arrays.copyOf(code, end), 0, end))) {
                fail(HexFormat.of().formatHex(code) + " up to " + end + ": " + within);
            }
        }
    }

    /** How a line of objdump's and our instruction at the same place relate. */
    private enum Verdict {
        EQUAL,
        /**
         * objdump calls it (bad), or {bad} where EVEX's rounding or broadcast do not fit the
         * instruction: not accepted, so nothing to compare.
         */
        REFUSED_BY_OBJDUMP,
        /**
         * objdump found no instruction for the prefix and shows it alone: a REX that another prefix
         * follows, or more than fifteen bytes. To a processor such a REX is an ignored part of the
         * instruction (SDM volume 2, section 2.2.1), and to us.
         */
        LONE_PREFIX,
        /**
         * objdump shows FWAIT and the floating-point instruction after it as one, such as {@code
         * fstcw} for {@code fwait; fnstcw}, or the prefixes of what follows as its own, such as
         * {@code repnz fwait} for 9b f2. To a processor they are two (SDM volume 2, "WAIT/FWAIT"),
         * and to us.
         */
        JOINED_FWAIT,
        /**
         * VEX, EVEX or XOP after 66, F2, F3, F0 or REX, which objdump decodes and a processor
         * refuses (SDM volume 2, sections 2.3.2 to 2.3.4). To us it is {@link Kind#UNKNOWN}.
         */
        EXTENDED_AFTER_PREFIX,
        DIFFERENT;

        static Verdict of(byte[] code, int offset, int length, String text) {
            if (text.contains("bad")) {
                return REFUSED_BY_OBJDUMP;
            }
            if (ObjdumpComparison.PREFIXES_ALONE.matcher(text).matches()) {
                return LONE_PREFIX;
            }
            // What follows is there, so that being too long would show.
            int end = Math.min(code.length, offset + PADDING);
            Instruction ours = X86Decoder.decode(code, offset, end);
            if (ours.kind() == Kind.UNKNOWN) {
                return isExtendedAfterPrefix(code, offset) ? EXTENDED_AFTER_PREFIX : DIFFERENT;
            }
            if (ours.length() == length) {
                return EQUAL;
            }
            boolean joined =
                    ObjdumpComparison.areJoinedWaits(code, offset, offset + length)
                            || (text.endsWith("fwait") && (code[offset] & 0xFF) == FWAIT);
            return joined ? JOINED_FWAIT : DIFFERENT;
        }

        private static boolean isExtendedAfterPrefix(byte[] code, int offset) {
            boolean forbidden = false;
            for (int at = offset; ; at++) {
                switch (code[at] & 0xFF) {
                    case 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x67 -> {}
                    case 0x66, 0xF0, 0xF2, 0xF3 -> forbidden = true;
                    case 0xC4, 0xC5, 0x62, 0x8F -> {
                        return forbidden;
                    }
                    default -> {
                        if ((code[at] & 0xF0) != 0x40) {
                            return false;
                        }
                        forbidden = true;
                    }
                }
            }
        }
    }

    @Test
    void whatObjdumpAcceptsIsAsLongToUs() throws IOException {
        Random random = seeded();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[] padding = new byte[PADDING];
        Arrays.fill(padding, (byte) NOP);
        for (int i = 0; i < SEQUENCES; i++) {
            out.writeBytes(sequence(random));
            out.writeBytes(padding);
        }
        byte[] code = out.toByteArray();
        Files.write(folder.resolve("random.bin"), code);
        Subprocess.Result result =
                Subprocess.of(
                                "sh",
                                "-c",
                                "exec objdump -D -b binary -m i386:x86-64 -M intel64 -w -z random.bin >random.txt")
                        .in(folder)
                        .run();
        assertThat(result.ok()).as(result.all()).isTrue();

        Map<Verdict, Integer> verdicts = new EnumMap<>(Verdict.class);
        List<String> different = new ArrayList<>();
        int sequenceAndPadding = X86Decoder.MAX_LENGTH + PADDING;
        try (BufferedReader lines = Files.newBufferedReader(folder.resolve("random.txt"))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] columns = line.split("\t", 3);
                if (columns.length < 3) {
                    continue;
                }
                int offset = Integer.parseInt(columns[0].strip().replace(":", ""), 16);
                if (offset % sequenceAndPadding >= X86Decoder.MAX_LENGTH) {
                    continue;
                }
                int length = HexFormat.ofDelimiter(" ").parseHex(columns[1].strip()).length;
                Verdict verdict = Verdict.of(code, offset, length, columns[2].strip());
                verdicts.merge(verdict, 1, Integer::sum);
                if (verdict == Verdict.DIFFERENT) {
                    different.add(line);
                }
            }
        }
        System.out.println("random bytes: " + verdicts);
        assertThat(different).isEmpty();
        assertThat(verdicts.get(Verdict.EQUAL)).isGreaterThan(2 * SEQUENCES);
    }
}
