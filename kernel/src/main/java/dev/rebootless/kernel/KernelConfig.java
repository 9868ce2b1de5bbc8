package dev.rebootless.kernel;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/**
 * The configuration of a kernel: a {@code .config}, as conf_write() of scripts/kconfig/confdata.c
 * writes it. Immutable. A symbol that is not set and one that is not mentioned are the same, as
 * they are to the sources.
 */
public final class KernelConfig {
    /** A generic kernel's has 280 kB. */
    private static final int MAX_FILE_BYTES = 8 << 20;

    private static final String PREFIX = "CONFIG_";

    /** By symbol, as written, strings with their quotes. */
    private final Map<String, String> values;

    private KernelConfig(Map<String, String> values) {
        this.values = values;
    }

    /**
     * A symbol whose values differ.
     *
     * @param symbol such as {@code CONFIG_DEBUG_INFO_BTF}
     * @param here the value as written; {@code n} when it is not set
     * @param there the value in the other one
     */
    public record Difference(String symbol, String here, String there) {}

    /**
     * Reads a file.
     *
     * @throws IOException when it cannot be read
     * @throws dev.rebootless.base.RebootlessException {@code RBL-KERNEL-CONFIG} when a line is not
     *     as it must be
     */
    public static KernelConfig read(Path file) throws IOException {
        if (Files.size(file) > MAX_FILE_BYTES) {
            throw BadFile.CONFIG.problem(
                    file.toString(), "it has more than " + MAX_FILE_BYTES + " bytes");
        }
        return parse(Files.readString(file, StandardCharsets.ISO_8859_1));
    }

    /**
     * Reads the text of a file.
     *
     * @throws dev.rebootless.base.RebootlessException {@code RBL-KERNEL-CONFIG} when a line is
     *     neither an assignment nor a comment, or sets a symbol again
     */
    public static KernelConfig parse(String text) {
        Map<String, String> values = new HashMap<>();
        int number = 0;
        for (String line : text.split("\n", -1)) {
            number++;
            if (line.isBlank() || line.startsWith("#")) {
                continue;
            }
            int equals = line.indexOf('=');
            if (!line.startsWith(PREFIX) || equals <= PREFIX.length()) {
                throw BadFile.CONFIG.problem(
                        ".config:" + number, "the line is neither an assignment nor a comment");
            }
            String symbol = line.substring(0, equals);
            if (values.put(symbol, line.substring(equals + 1)) != null) {
                throw BadFile.CONFIG.problem(".config:" + number, symbol + " is set again");
            }
        }
        values.values().removeIf("n"::equals);
        return new KernelConfig(values);
    }

    /**
     * The value of a symbol: {@code y}, {@code m}, a number, or a string without its quotes. Empty
     * when it is not set.
     *
     * @param symbol with its {@code CONFIG_}
     */
    public Optional<String> value(String symbol) {
        return Optional.ofNullable(values.get(symbol)).map(KernelConfig::unquoted);
    }

    /** Kconfig writes a string in quotes, with a backslash before quotes and backslashes in it. */
    private static String unquoted(String value) {
        if (value.length() < 2 || !value.startsWith("\"") || !value.endsWith("\"")) {
            return value;
        }
        StringBuilder plain = new StringBuilder();
        for (int i = 1; i < value.length() - 1; i++) {
            if (value.charAt(i) == '\\' && i + 1 < value.length() - 1) {
                i++;
            }
            plain.append(value.charAt(i));
        }
        return plain.toString();
    }

    /** Whether it is {@code y} or {@code m}, as IS_ENABLED() of include/linux/kconfig.h says. */
    public boolean isEnabled(String symbol) {
        String value = values.getOrDefault(symbol, "n");
        return value.equals("y") || value.equals("m");
    }

    /** The symbols whose value is not the same in both, sorted; empty when both mean the same. */
    public List<Difference> differences(KernelConfig other) {
        TreeSet<String> symbols = new TreeSet<>(values.keySet());
        symbols.addAll(other.values.keySet());
        List<Difference> differences = new ArrayList<>();
        for (String symbol : symbols) {
            String here = values.getOrDefault(symbol, "n");
            String there = other.values.getOrDefault(symbol, "n");
            if (!here.equals(there)) {
                differences.add(new Difference(symbol, here, there));
            }
        }
        return List.copyOf(differences);
    }

    /** How many symbols are set. */
    public int size() {
        return values.size();
    }

    /** Equal when there are no {@link #differences}. */
    @Override
    public boolean equals(Object other) {
        return other instanceof KernelConfig config && values.equals(config.values);
    }

    @Override
    public int hashCode() {
        return values.hashCode();
    }
}
