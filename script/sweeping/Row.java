import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What became of a case.
 *
 * @param target vmlinux or a module; empty where none was found
 * @param verdict built, unchanged, refused, failed (does not compile alone), slow, fault
 * @param codes of the refusals
 * @param dataEqual whether the named data of both objects are equal, as far as is known
 * @param buildSeconds of a build whose original is in the cache, with another beside it
 * @param message the name of the module, or why there is none
 */
record Row(
        String file,
        String target,
        String verdict,
        String codes,
        boolean dataEqual,
        double buildSeconds,
        String message) {

    static Row of(Case what, String target, String verdict, boolean dataEqual, RebootlessException e) {
        return new Row(
                what.file(),
                target,
                verdict,
                String.join(",", e.problems().stream().map(p -> p.code()).distinct().sorted().toList()),
                dataEqual,
                0,
                String.join(
                        " | ",
                        e.problems().stream()
                                .map(p -> p.code() + ": " + p.place() + ": " + p.message())
                                .toList()));
    }

    boolean is(String wanted) {
        return verdict.equals(wanted);
    }

    boolean isHeader() {
        return file.endsWith(".h");
    }

    String line() {
        return String.join(
                        "\t",
                        file,
                        target,
                        verdict,
                        codes,
                        Boolean.toString(dataEqual),
                        String.format(Locale.ROOT, "%.2f", buildSeconds),
                        message.replace('\t', ' ').replace('\n', ' '))
                + "\n";
    }

    private static Row parse(String line) {
        String[] c = line.split("\t", -1);
        return new Row(
                c[0],
                c[1],
                c[2],
                c[3],
                Boolean.parseBoolean(c[4]),
                Double.parseDouble(c[5]),
                c[6]);
    }

    /** All rows of a table, by file; a line that a kill cut short is left out. */
    static Map<String, Row> read(Path table) throws IOException {
        Map<String, Row> rows = new LinkedHashMap<>();
        Optional<List<String>> lines =
                Files.exists(table) ? Optional.of(Files.readAllLines(table)) : Optional.empty();
        for (String line : lines.orElse(List.of())) {
            if (line.split("\t", -1).length == 7) {
                Row row = parse(line);
                rows.put(row.file(), row);
            }
        }
        return rows;
    }
}
