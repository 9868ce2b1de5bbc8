package dev.rebootless.lab;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/**
 * Splits a stream that a guest writes into lines of bounded length; the rest of a longer line is
 * dropped.
 */
final class BoundedLines {
    private BoundedLines() {}

    /**
     * Reads to the end of the stream. Carriage returns, which a serial line may bring, are left
     * out, and so is a last line that was not ended.
     */
    static void read(InputStream in, int maxBytes, Consumer<String> sink) throws IOException {
        byte[] buffer = new byte[1 << 14];
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
            for (int i = 0; i < n; i++) {
                byte b = buffer[i];
                if (b == '\n') {
                    sink.accept(line.toString(StandardCharsets.UTF_8));
                    line.reset();
                } else if (b != '\r' && line.size() < maxBytes) {
                    line.write(b);
                }
            }
        }
    }
}
