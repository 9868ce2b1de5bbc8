package dev.rebootless.kernel;

/** Little-endian numbers and strings in arrays of foreign bytes. Callers check the bounds. */
final class Foreign {
    private Foreign() {}

    static int uint16(byte[] bytes, int at) {
        return (bytes[at] & 0xFF) | (bytes[at + 1] & 0xFF) << 8;
    }

    static int int32(byte[] bytes, int at) {
        return uint16(bytes, at) | uint16(bytes, at + 2) << 16;
    }

    static long uint32(byte[] bytes, int at) {
        return int32(bytes, at) & 0xFFFFFFFFL;
    }

    static long int64(byte[] bytes, int at) {
        return uint32(bytes, at) | (long) int32(bytes, at + 4) << 32;
    }

    /** The next multiple of eight, as {@code .balign 8} places things. */
    static int align8(int offset) {
        return (offset + 7) & ~7;
    }
}
