import dev.rebootless.base.Hashes;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;

/**
 * What is made one patch of: a changed .c file alone, or a changed header with the changed .c files
 * that include it.
 *
 * @param files below the tree; the first names the case
 */
record Case(List<String> files) {
    /** The kernel takes at most 55 characters of a module's name; "livepatch_" goes before it. */
    private static final int NAME = 36;

    /** Of the path's hash, in hexadecimal digits: xt_DSCP.c and xt_dscp.c are two files. */
    private static final int HASH = 6;

    Case {
        files = List.copyOf(files);
    }

    String file() {
        return files.getFirst();
    }

    boolean isHeader() {
        return file().endsWith(".h");
    }

    /** For the patch and the module. */
    String name() {
        String name =
                file().replaceAll("\\.c$", "").replaceAll("[^A-Za-z0-9]+", "-").toLowerCase(Locale.ROOT);
        String end =
                name.length() > NAME
                        ? name.substring(name.length() - NAME).replaceAll("^-+", "")
                        : name;
        String hash = Hashes.sha256(file().getBytes(StandardCharsets.UTF_8));
        return end + "-" + hash.substring(0, HASH);
    }

    String line() {
        return String.join(" ", files);
    }

    static Case parse(String line) {
        return new Case(List.of(line.split(" ")));
    }
}
