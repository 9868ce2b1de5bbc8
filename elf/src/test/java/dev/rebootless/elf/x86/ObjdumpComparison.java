package dev.rebootless.elf.x86;

import dev.rebootless.base.Subprocess;
import dev.rebootless.elf.x86.Instruction.Kind;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Compares the decoder with GNU objdump, instruction by instruction: length, kind, branch target,
 * the values of displacement and immediate, RIP-relative or not. Then decodes each section from end
 * to end and compares where instructions start.
 */
final class ObjdumpComparison {
    private static final int DIFFERENCES_SHOWN = 20;
    private static final int FWAIT = 0x9B;

    /** After data, decoders that went different ways meet again within a few instructions. */
    private static final int BYTES_UNTIL_IN_STEP = 64;

    /** What objdump writes before a mnemonic, or alone where it finds no instruction for it. */
    private static final String PREFIX =
            "(?:lock|repz|repnz|rep|data16|addr32|rex(?:\\.[WRXB]+)?|[cdefgs]s|bnd|notrack"
                    + "|xacquire|xrelease|\\{e?vex3?\\})";

    static final Pattern PREFIXES_ALONE = Pattern.compile(PREFIX + "(?: +" + PREFIX + ")*");
    private static final Pattern WITH_MNEMONIC =
            Pattern.compile("(?:" + PREFIX + " +)*([a-z0-9]+)((?:,p[nt])?)(?: +(.*))?");

    private static final Pattern BRANCH_TARGET = Pattern.compile("(?:0x)?([0-9a-f]+)(?: <.*)?");
    private static final Pattern IMMEDIATE = Pattern.compile("\\$(0x[0-9a-f]+)");

    /** A number that is not an immediate: a displacement or an absolute address. */
    private static final Pattern DISPLACEMENT = Pattern.compile("(?<![$0-9a-z-])(-?)0x([0-9a-f]+)");

    private final List<String> differences = new ArrayList<>();
    private long different;
    private long compared;
    private long branches;
    private long bad;
    private long lonePrefixes;
    private long mergedWaits;
    private long bytesSwept;

    private String section = "";
    private final ByteArrayOutputStream code = new ByteArrayOutputStream();
    private final BitSet starts = new BitSet();

    /** Where what objdump took for data, and what follows until both are in step again, lies. */
    private final BitSet data = new BitSet();

    /** Instructions for which both agree. */
    long compared() {
        return compared;
    }

    /** Of those the ones with a target. */
    long branches() {
        return branches;
    }

    /** Lines that objdump calls (bad), or that hold only prefixes: data among the code. */
    long data() {
        return bad + lonePrefixes;
    }

    long different() {
        return different;
    }

    /** Bytes of the sections that were decoded from end to end. */
    long bytesSwept() {
        return bytesSwept;
    }

    List<String> differences() {
        return differences;
    }

    @Override
    public String toString() {
        return compared
                + " instructions equal, of them "
                + branches
                + " relative branches; "
                + different
                + " different; data among code: "
                + bad
                + " bad, "
                + lonePrefixes
                + " lone prefixes; fwait joined to the next: "
                + mergedWaits
                + "; "
                + bytesSwept
                + " bytes decoded from end to end";
    }

    /** Compares all executable sections of an object; may be called for several. */
    void compare(Path object, Path scratch) throws IOException {
        Path listing = Files.createTempFile(scratch, "objdump", ".txt");
        // -M intel64: on a near branch with an operand-size prefix we follow Intel as well.
        Subprocess.Result result =
                Subprocess.of(
                                "sh",
                                "-c",
                                "exec objdump -d -w -z -M intel64 \"$1\" >\"$2\"",
                                "sh",
                                object.toString(),
                                listing.toString())
                        .run();
        if (!result.ok()) {
            throw new IOException("objdump: " + result.all());
        }
        try (BufferedReader lines = Files.newBufferedReader(listing)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] columns = line.split("\t", 3);
                if (line.startsWith("Disassembly of section ")) {
                    sweep();
                    section = object.getFileName() + " " + line;
                } else if (columns.length == 3) {
                    long address = Long.parseUnsignedLong(columns[0].strip().replace(":", ""), 16);
                    byte[] bytes = HexFormat.ofDelimiter(" ").parseHex(columns[1].strip());
                    starts.set(code.size());
                    code.writeBytes(bytes);
                    compare(address, bytes, columns[2].strip(), line);
                }
            }
        }
        sweep();
        Files.delete(listing);
    }

    private void compare(long address, byte[] bytes, String text, String line) {
        if (text.contains("(bad)")) {
            bad++;
            markAsData(bytes);
            return;
        }
        if (PREFIXES_ALONE.matcher(text).matches()) {
            lonePrefixes++;
            markAsData(bytes);
            return;
        }
        Instruction instruction = X86Decoder.decode(bytes, 0, bytes.length);
        if (areJoinedWaits(bytes, 0, bytes.length)) {
            mergedWaits++;
            markAsData(bytes);
            return;
        }
        if (check(instruction.length() == bytes.length, "length", instruction, line)
                && check(instruction.kind() != Kind.UNKNOWN, "unknown", instruction, line)) {
            compareMeaning(address, bytes, text, instruction, line);
        }
    }

    /**
     * Whether these bytes are FWAIT, once or more, and one instruction after it. objdump writes
     * that as one instruction, such as {@code fstcw} for {@code fwait; fnstcw}; to a processor they
     * are several (SDM volume 2, "WAIT/FWAIT"), and to us.
     */
    static boolean areJoinedWaits(byte[] code, int start, int end) {
        Instruction instruction = X86Decoder.decode(code, start, end);
        boolean waits = false;
        while (isWait(instruction) && instruction.end() < end) {
            waits = true;
            instruction = X86Decoder.decode(code, instruction.end(), end);
        }
        return waits && instruction.kind() != Kind.UNKNOWN && instruction.end() == end;
    }

    private static boolean isWait(Instruction instruction) {
        return instruction.kind() == Kind.OTHER
                && instruction.map() == OpcodeMap.ONE_BYTE
                && instruction.opcode() == FWAIT;
    }

    private void compareMeaning(
            long address, byte[] bytes, String text, Instruction instruction, String line) {
        Matcher matcher = WITH_MNEMONIC.matcher(text);
        if (!check(matcher.matches(), "our test cannot read the line", instruction, line)) {
            return;
        }
        String mnemonic = matcher.group(1);
        String operands =
                matcher.group(3) == null ? "" : matcher.group(3).replaceAll(" +#.*", "").strip();
        OptionalLong target = target(mnemonic, operands);
        OptionalLong ours =
                instruction.target().isPresent()
                        ? OptionalLong.of(address + instruction.target().getAsLong())
                        : OptionalLong.empty();
        boolean equal =
                check(ours.equals(target), "target", instruction, line)
                        && check(
                                instruction.kind() == kind(mnemonic, operands, target),
                                "kind",
                                instruction,
                                line)
                        && check(
                                instruction.ripRelative() == operands.contains("ip)"),
                                "rip",
                                instruction,
                                line)
                        && check(
                                target.isPresent()
                                        || sameDisplacement(bytes, operands, instruction),
                                "displacement",
                                instruction,
                                line)
                        && check(
                                sameImmediate(bytes, operands, instruction),
                                "immediate",
                                instruction,
                                line);
        if (equal) {
            compared++;
            branches += target.isPresent() ? 1 : 0;
        }
    }

    private static OptionalLong target(String mnemonic, String operands) {
        boolean branch =
                mnemonic.startsWith("call")
                        || mnemonic.startsWith("j")
                        || mnemonic.startsWith("loop")
                        || mnemonic.equals("xbegin");
        Matcher matcher = BRANCH_TARGET.matcher(operands);
        return branch && matcher.matches()
                ? OptionalLong.of(Long.parseUnsignedLong(matcher.group(1), 16))
                : OptionalLong.empty();
    }

    private static Kind kind(String mnemonic, String operands, OptionalLong target) {
        if (target.isPresent()) {
            return mnemonic.startsWith("call")
                    ? Kind.CALL_RELATIVE
                    : mnemonic.startsWith("jmp") ? Kind.JUMP_RELATIVE : Kind.JUMP_CONDITIONAL;
        }
        return switch (mnemonic) {
            case "call", "lcall", "rex.Wlcall" -> Kind.CALL_INDIRECT;
            case "jmp", "ljmp" -> Kind.JUMP_INDIRECT;
            case "ret", "retw", "lret", "lretq" -> Kind.RETURN;
            case "nop", "nopw", "nopl", "nopq" -> Kind.NOP;
            case "xchg" -> operands.equals("%ax,%ax") ? Kind.NOP : Kind.OTHER;
            case "endbr64" -> Kind.ENDBR64;
            case "int3" -> Kind.INT3;
            case "ud2" -> Kind.UD2;
            case "ud1" -> Kind.UD1;
            case "lea" -> Kind.LEA;
            case "mov", "movabs" ->
                    operands.matches("\\$0x[0-9a-f]+,%([re]?([abcd]x|[ds]i|[bs]p)|r[0-9]+[dw]?)")
                            ? Kind.MOV_IMMEDIATE_TO_REGISTER
                            : Kind.OTHER;
            default -> Kind.OTHER;
        };
    }

    private static boolean sameDisplacement(byte[] bytes, String operands, Instruction ours) {
        Matcher matcher = DISPLACEMENT.matcher(operands);
        if (!matcher.find()) {
            return !ours.displacement().isPresent();
        }
        long value = Long.parseUnsignedLong(matcher.group(2), 16);
        long theirs = matcher.group(1).isEmpty() ? value : -value;
        long mine = ours.displacement().signedValue(bytes);
        // EVEX's byte counts in units of the operand's size (SDM volume 2, section 2.7.5).
        boolean scaled = ours.displacement().size() == 1 && theirs != mine;
        return ours.displacement().isPresent()
                && (theirs == mine
                        || theirs == (mine & 0xFFFF_FFFFL)
                        || (scaled && mine != 0 && theirs % mine == 0));
    }

    private static boolean sameImmediate(byte[] bytes, String operands, Instruction ours) {
        Matcher matcher = IMMEDIATE.matcher(operands);
        if (!matcher.find()) {
            // A comparison predicate or selector may have become part of the mnemonic, or the
            // byte names a register; both exist beyond the one byte map only.
            return !ours.immediate().isPresent() || ours.map() != OpcodeMap.ONE_BYTE;
        }
        long theirs = Long.parseUnsignedLong(matcher.group(1).substring(2), 16);
        long mine = ours.immediate().signedValue(bytes);
        return ours.immediate().isPresent()
                && Stream.of(8, 16, 32, 64)
                        .anyMatch(bits -> theirs == (mine & (-1L >>> (64 - bits))));
    }

    /** Decodes the section that just ended in one go; starts must be those of objdump. */
    private void sweep() {
        byte[] all = code.toByteArray();
        BitSet unequal = new BitSet(all.length);
        X86Decoder.all(all, 0, all.length).forEach(i -> unequal.set(i.offset()));
        unequal.xor(starts);
        unequal.andNot(data);
        if (!unequal.isEmpty()) {
            different++;
            differences.add(section + ": decoded from end to end, starts differ at " + unequal);
        }
        bytesSwept += all.length - data.get(0, all.length).cardinality();
        code.reset();
        starts.clear();
        data.clear();
    }

    /** Called once the line's bytes are in {@link #code}. */
    private void markAsData(byte[] bytes) {
        int start = code.size() - bytes.length;
        data.set(start, code.size() + BYTES_UNTIL_IN_STEP);
    }

    private boolean check(boolean agrees, String what, Instruction instruction, String line) {
        if (!agrees) {
            different++;
            if (differences.size() < DIFFERENCES_SHOWN) {
                differences.add(section + " " + what + ": " + line + " | " + instruction);
            }
        }
        return agrees;
    }
}
