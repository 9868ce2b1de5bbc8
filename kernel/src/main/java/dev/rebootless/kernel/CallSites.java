package dev.rebootless.kernel;

import java.util.ArrayList;
import java.util.List;

/**
 * Finds direct calls and jumps to a place in x86-64 code by their bytes, without decoding: E8 and
 * E9, and 0F 80 to 0F 8F, with a distance of 32 bits (Intel SDM volume 2, CALL, JMP, Jcc). In other
 * bytes that look so the distance would have to fit by chance, one time in four billion.
 */
final class CallSites {
    private static final int CALL = 0xE8;
    private static final int JUMP = 0xE9;
    private static final int DISTANCE_BYTES = 4;

    private CallSites() {}

    /**
     * The addresses of the distances.
     *
     * @param code whose first byte is at {@code start}
     */
    static List<Long> to(long target, byte[] code, long start) {
        List<Long> sites = new ArrayList<>();
        for (int at = 1; at + DISTANCE_BYTES <= code.length; at++) {
            int opcode = code[at - 1] & 0xFF;
            boolean conditional =
                    (opcode & 0xF0) == 0x80 && at > 1 && (code[at - 2] & 0xFF) == 0x0F;
            if ((opcode == CALL || opcode == JUMP || conditional)
                    && start + at + DISTANCE_BYTES + Foreign.int32(code, at) == target) {
                sites.add(start + at);
            }
        }
        return sites;
    }
}
