package dev.rebootless.elf.x86;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * The instructions of a stretch of code, one after the other from its first byte on. Every byte is
 * in exactly one of them: bytes that are no instruction come as {@link Instruction.Kind#UNKNOWN},
 * one at a time. What follows such a byte may be out of step with what the compiler meant.
 *
 * @param code the array that holds the code; not copied
 * @param start offset of the first byte
 * @param end offset after the last byte; no instruction reaches beyond it
 */
public record CodeRange(byte[] code, int start, int end) implements Iterable<Instruction> {
    /**
     * @throws IndexOutOfBoundsException when the range does not lie in the array
     */
    public CodeRange {
        Objects.checkFromToIndex(start, end, code.length);
    }

    @Override
    public Iterator<Instruction> iterator() {
        return new Iterator<>() {
            private int next = start;

            @Override
            public boolean hasNext() {
                return next < end;
            }

            @Override
            public Instruction next() {
                if (!hasNext()) {
                    throw new NoSuchElementException("the code ends at " + end);
                }
                Instruction instruction = X86Decoder.decode(code, next, end);
                next = instruction.end();
                return instruction;
            }
        };
    }

    /** The same instructions as a stream, in order. */
    public Stream<Instruction> stream() {
        return StreamSupport.stream(
                Spliterators.spliteratorUnknownSize(
                        iterator(), Spliterator.ORDERED | Spliterator.NONNULL),
                false);
    }
}
