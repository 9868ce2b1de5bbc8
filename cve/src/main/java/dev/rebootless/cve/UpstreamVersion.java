package dev.rebootless.cve;

import dev.rebootless.kernel.DebianVersion;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A version of kernel.org, such as {@code 6.1.170}. The first release of a line, {@code 6.1}, is
 * {@code 6.1.0}; a release candidate is taken for the release.
 */
record UpstreamVersion(List<BigInteger> numbers) implements Comparable<UpstreamVersion> {
    private static final Pattern FORM =
            Pattern.compile("(\\d{1,9}(?:\\.\\d{1,9}){0,5})(?:-rc\\d{1,4})?");

    private static final Pattern DEBIAN = Pattern.compile("(?:\\d+:)?(\\d+(?:\\.\\d+)*).*");

    UpstreamVersion {
        numbers = List.copyOf(numbers);
    }

    static Optional<UpstreamVersion> of(String text) {
        Matcher matcher = FORM.matcher(text.strip());
        if (!matcher.matches()) {
            return Optional.empty();
        }
        List<BigInteger> numbers = new ArrayList<>();
        for (String part : matcher.group(1).split("\\.")) {
            numbers.add(new BigInteger(part));
        }
        return Optional.of(new UpstreamVersion(numbers));
    }

    /** Of a kernel package's version, which begins with it. */
    static Optional<UpstreamVersion> of(DebianVersion version) {
        Matcher matcher = DEBIAN.matcher(version.text());
        return matcher.matches() ? of(matcher.group(1)) : Optional.empty();
    }

    /** The first two numbers: its stable line. */
    List<BigInteger> line() {
        return numbers.subList(0, Math.min(2, numbers.size()));
    }

    /** Whether it is of the line that a wildcard names: {@code 6.1.*}, {@code *}. */
    boolean matches(String wildcard) {
        if (wildcard.equals("*")) {
            return true;
        }
        Optional<UpstreamVersion> line =
                wildcard.endsWith(".*")
                        ? of(wildcard.substring(0, wildcard.length() - 2))
                        : Optional.empty();
        return line.isPresent()
                && numbers.size() >= line.get().numbers().size()
                && numbers.subList(0, line.get().numbers().size()).equals(line.get().numbers());
    }

    @Override
    public int compareTo(UpstreamVersion other) {
        for (int i = 0; i < Math.max(numbers.size(), other.numbers().size()); i++) {
            int order = at(i).compareTo(other.at(i));
            if (order != 0) {
                return order;
            }
        }
        return 0;
    }

    private BigInteger at(int index) {
        return index < numbers.size() ? numbers.get(index) : BigInteger.ZERO;
    }

    @Override
    public String toString() {
        return String.join(".", numbers.stream().map(BigInteger::toString).toList());
    }
}
