package dev.rebootless.fleet.web;

import dev.rebootless.base.Problem;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.Semaphore;

/**
 * Reads the bodies of requests: none is longer than its route allows, none takes longer than its
 * time, and all of them together need no more memory than there is.
 */
final class Bodies {
    /** docs/contract-fleet.md, "Messages". */
    static final Duration TIME_TO_SEND = Duration.ofSeconds(10);

    private static final int PIECE = 16 << 10;

    /** 64 MiB: an eighth of the heap that the server is made for. */
    private static final int MOST_PIECES = 4096;

    private static final Duration RETRY_AFTER = Duration.ofSeconds(5);

    private final Semaphore pieces = new Semaphore(MOST_PIECES);
    private final Deadlines deadlines;

    Bodies(Deadlines deadlines) {
        this.deadlines = deadlines;
    }

    /** A body, and the memory that counts as its until it is closed. */
    final class Body implements AutoCloseable {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private int held;

        byte[] bytes() {
            return bytes.toByteArray();
        }

        private void read(InputStream in, int largest, String place) throws IOException {
            byte[] piece = new byte[PIECE];
            while (true) {
                int n = in.read(piece, 0, Math.min(PIECE, largest + 1 - bytes.size()));
                if (n < 0) {
                    return;
                }
                bytes.write(piece, 0, n);
                if (bytes.size() > largest) {
                    throw tooLarge(place, largest);
                }
                int needed = (bytes.size() + PIECE - 1) / PIECE;
                if (needed > held) {
                    if (!pieces.tryAcquire(needed - held)) {
                        throw HttpFault.notNow(
                                "RBL-FLEET-BUSY",
                                "too many large messages come at once",
                                RETRY_AFTER);
                    }
                    held = needed;
                }
            }
        }

        @Override
        public void close() {
            pieces.release(held);
            held = 0;
        }
    }

    static HttpFault tooLarge(String place, int largest) {
        return new HttpFault(
                HttpFault.Status.TOO_LARGE,
                new Problem(
                        "RBL-FLEET-LARGE",
                        place,
                        "the body has more than " + largest + " bytes",
                        "send less; what a message may have is in docs/contract-fleet.md"));
    }

    /** Reads a body on the thread that serves its request. */
    Body read(InputStream in, int largest, String place) {
        Body body = new Body();
        Deadlines.Deadline deadline = deadlines.in(TIME_TO_SEND);
        try {
            body.read(in, largest, place);
            return body;
        } catch (IOException | RuntimeException e) {
            body.close();
            if (deadline.passed()) {
                throw new HttpFault(
                        HttpFault.Status.TOO_SLOW,
                        new Problem(
                                "RBL-FLEET-SLOW",
                                place,
                                "the body was not there after %d seconds"
                                        .formatted(TIME_TO_SEND.toSeconds()),
                                "send it in one go"));
            }
            if (e instanceof HttpFault fault) {
                throw fault;
            }
            throw HttpFault.notUnderstood(place, "the body ends too early");
        } finally {
            deadline.end();
        }
    }
}
