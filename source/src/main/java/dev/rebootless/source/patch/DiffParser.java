package dev.rebootless.source.patch;

import dev.rebootless.base.RebootlessException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads one patch file. Text before, between and after the diffs (mail headers, commit messages, a
 * mailer's signature) is skipped, as patch(1) and git-apply(1) do; inside a diff nothing is
 * guessed: every hunk must have exactly the lines that its header counts. A hunk that would be
 * skipped with the text around it is no text: half a fix would be built.
 */
final class DiffParser {
    private static final int MAX_FILES = 5_000;
    private static final int MAX_HUNKS = 50_000;
    private static final int MAX_LINE_CHARS = 1 << 16;
    private static final int MAX_PATH_CHARS = 4_096;
    private static final int MAX_LINE_NUMBER = 10_000_000;

    private static final Pattern HUNK_HEADER =
            Pattern.compile("@@ -(\\d{1,8})(?:,(\\d{1,8}))? \\+(\\d{1,8})(?:,(\\d{1,8}))? @@.*");

    /**
     * A line that begins a hunk, well-formed or not; with three and more {@code @} one of a
     * combined diff (git-diff(1), "Combined diff format"), which is of a merge and cannot be
     * applied.
     */
    private static final Pattern HUNK_START = Pattern.compile("@@+ -\\d.*");

    /**
     * What diff -r says of files that it does not compare line by line (diffutils, src/analyze.c).
     */
    private static final Pattern BINARY_FILES =
            Pattern.compile("Binary files (\\S+) and (\\S+) differ");

    /** Modes 120000 (symbolic link) and 160000 (submodule) of git-fast-import(1). */
    private static final Pattern LINK_MODE = Pattern.compile(".*\\b1[26]0000");

    /** The folders at the top of a kernel tree, by which a patch made without a/ b/ is known. */
    private static final Set<String> TOP_FOLDERS =
            Set.of(
                    "Documentation",
                    "LICENSES",
                    "arch",
                    "block",
                    "certs",
                    "crypto",
                    "drivers",
                    "fs",
                    "include",
                    "init",
                    "io_uring",
                    "ipc",
                    "kernel",
                    "lib",
                    "mm",
                    "net",
                    "rust",
                    "samples",
                    "scripts",
                    "security",
                    "sound",
                    "tools",
                    "usr",
                    "virt");

    private final String name;
    private final List<String> lines;
    private final List<String> notes = new ArrayList<>();
    private final List<FilePatch> files = new ArrayList<>();
    private int next;
    private int hunkCount;

    DiffParser(String name, byte[] content) {
        this.name = name;
        if (content.length > SourcePatch.MAX_PATCH_BYTES) {
            throw tooLarge(name, "more than " + SourcePatch.MAX_PATCH_BYTES + " bytes");
        }
        for (byte b : content) {
            if (b == 0) {
                throw RebootlessException.usage(
                        "RBL-PATCH-UNREADABLE",
                        name,
                        "it holds zero bytes: it is compressed, binary, or UTF-16",
                        "give the patch as plain text, as `git format-patch` or `diff -u` writes"
                                + " it");
            }
        }
        this.lines = plainLineEnds(Lines.of(content));
    }

    /** What was read leniently; complete once {@link #parse} has returned. */
    List<String> notes() {
        return notes;
    }

    List<FilePatch> parse() {
        while (next < lines.size()) {
            String line = line(next);
            if (line.startsWith("diff --git ")) {
                gitSection();
            } else if (startsPlainSection(next)) {
                plainSection(null, place());
            } else if (BINARY_FILES.matcher(line).matches()) {
                binaryFiles(line);
            } else if (HUNK_START.matcher(line).matches()) {
                throw malformed(
                        place(),
                        "a hunk stands outside the hunks of any file: there is a blank line or"
                                + " other text before it, the hunk above it has more lines than its"
                                + " header counts, or it is of a merge");
            } else {
                next++;
            }
        }
        if (files.isEmpty()) {
            throw RebootlessException.usage(
                    "RBL-PATCH-EMPTY",
                    name,
                    "there is no unified diff in it",
                    "give a patch as `git diff`, `git format-patch` or `diff -u` writes it; a mail"
                            + " in base64 or quoted-printable must be decoded first");
        }
        return files;
    }

    /**
     * Mailers and editors may turn every line end of a patch into CR LF, headers included; a diff
     * of a file that has CR LF itself keeps plain headers.
     */
    private List<String> plainLineEnds(List<String> raw) {
        boolean all =
                !raw.isEmpty()
                        && raw.stream().allMatch(l -> l.endsWith("\r\n") || !l.endsWith("\n"))
                        && raw.getFirst().endsWith("\r\n");
        if (!all) {
            return raw;
        }
        notes.add(name + ": every line ends in CR LF; read as plain line ends");
        return raw.stream()
                .map(l -> l.endsWith("\r\n") ? l.substring(0, l.length() - 2) + "\n" : l)
                .toList();
    }

    // ---- sections ----

    /** Whether a "---" line, its "+++" line and a hunk header start here. */
    private boolean startsPlainSection(int at) {
        return line(at).startsWith("--- ")
                && at + 2 < lines.size()
                && line(at + 1).startsWith("+++ ")
                && line(at + 2).startsWith("@@ -");
    }

    /** "diff --git" with its extended header lines (git-diff(1), "Generating patch text"). */
    private void gitSection() {
        String place = place();
        String header = line(next++);
        FilePatch.@Nullable Change change = null;
        Optional<String> target = Optional.empty();
        while (next < lines.size()) {
            String line = line(next);
            if (line.startsWith("rename ") || line.startsWith("copy ")) {
                change =
                        line.startsWith("rename ")
                                ? FilePatch.Change.RENAMED
                                : FilePatch.Change.COPIED;
                if (line.startsWith("rename to ") || line.startsWith("copy to ")) {
                    target = Optional.of(line.substring(line.indexOf(" to ") + 4));
                }
            } else if (line.startsWith("new file mode ")) {
                change = linkOr(line, FilePatch.Change.CREATED);
            } else if (line.startsWith("deleted file mode ")) {
                change = linkOr(line, FilePatch.Change.DELETED);
            } else if (line.startsWith("old mode ") || line.startsWith("new mode ")) {
                change = change == FilePatch.Change.LINK ? change : linkOr(line, modeOr(change));
            } else if (line.startsWith("index ")) {
                change = LINK_MODE.matcher(line).matches() ? FilePatch.Change.LINK : change;
            } else if (!line.startsWith("similarity index ")
                    && !line.startsWith("dissimilarity index ")) {
                break;
            }
            next++;
        }
        boolean binary =
                next < lines.size()
                        && (line(next).startsWith("GIT binary patch")
                                || line(next).startsWith("Binary files "));
        if (binary) {
            add(
                    new FilePatch(
                            gitPath(header, target, place),
                            place,
                            FilePatch.Change.BINARY,
                            List.of()));
            next++;
        } else if (next < lines.size() && startsPlainSection(next)) {
            plainSection(change, place);
        } else if (change != null) {
            add(new FilePatch(gitPath(header, target, place), place, change, List.of()));
        }
        // Otherwise the section is empty (an "index" line alone): there is nothing to apply.
    }

    private void binaryFiles(String line) {
        Matcher names = BINARY_FILES.matcher(line);
        if (names.matches()) {
            String path = stripped(names.group(2), names.group(1), place());
            add(new FilePatch(path, place(), FilePatch.Change.BINARY, List.of()));
        }
        next++;
    }

    private static FilePatch.Change modeOr(FilePatch.@Nullable Change change) {
        return change == null ? FilePatch.Change.MODE_CHANGED : change;
    }

    private static FilePatch.Change linkOr(String modeLine, FilePatch.Change otherwise) {
        return LINK_MODE.matcher(modeLine).matches() ? FilePatch.Change.LINK : otherwise;
    }

    /** "---", "+++" and the hunks, as diff -u and git write them. */
    private void plainSection(FilePatch.@Nullable Change known, String place) {
        String oldName = fileName(line(next), place());
        String newName = fileName(line(next + 1), place());
        next += 2;
        FilePatch.Change change = FilePatch.Change.MODIFIED;
        String path;
        if (oldName.equals("/dev/null")) {
            path = stripped(newName, newName, place);
            change = FilePatch.Change.CREATED;
        } else if (newName.equals("/dev/null")) {
            path = stripped(oldName, oldName, place);
            change = FilePatch.Change.DELETED;
        } else {
            path = stripped(newName, oldName, place);
            String oldPath = stripped(oldName, newName, place);
            if (!oldPath.equals(path) && !oldPath.equals(path + ".orig")) {
                change = FilePatch.Change.RENAMED;
            }
        }
        List<Hunk> hunks = hunks();
        if (change == FilePatch.Change.MODIFIED && hunks.size() == 1) {
            change = wholeFileChange(hunks.getFirst());
        }
        add(new FilePatch(path, place, known == null ? change : known, hunks));
    }

    /** diff -N names a file that is not there by its own name and the epoch: only counts tell. */
    private static FilePatch.Change wholeFileChange(Hunk hunk) {
        if (hunk.oldStart() == 0 && hunk.before().isEmpty()) {
            return FilePatch.Change.CREATED;
        }
        if (hunk.newStart() == 0 && hunk.after().isEmpty()) {
            return FilePatch.Change.DELETED;
        }
        return FilePatch.Change.MODIFIED;
    }

    private void add(FilePatch file) {
        if (files.size() >= MAX_FILES) {
            throw tooLarge(name, "more than " + MAX_FILES + " files");
        }
        files.add(file);
    }

    // ---- hunks ----

    private List<Hunk> hunks() {
        List<Hunk> hunks = new ArrayList<>();
        int oldEnd = 0;
        while (next < lines.size() && line(next).startsWith("@@ -")) {
            if (++hunkCount > MAX_HUNKS) {
                throw tooLarge(name, "more than " + MAX_HUNKS + " hunks");
            }
            Hunk hunk = hunk();
            if (hunk.oldIndex() < oldEnd) {
                throw malformed(
                        hunk.place(), "the hunk overlaps the one before it, or the order is wrong");
            }
            oldEnd = hunk.oldIndex() + hunk.before().size();
            hunks.add(hunk);
        }
        return hunks;
    }

    private Hunk hunk() {
        String place = place();
        Matcher header = HUNK_HEADER.matcher(line(next));
        if (!header.matches()) {
            throw malformed(
                    place, "the hunk header cannot be read: " + Lines.quote(lines.get(next)));
        }
        next++;
        int oldStart = number(header.group(1), place);
        int newStart = number(header.group(3), place);
        int oldLeft = number(Optional.ofNullable(header.group(2)).orElse("1"), place);
        int newLeft = number(Optional.ofNullable(header.group(4)).orElse("1"), place);
        if ((oldLeft > 0 && oldStart == 0) || (newLeft > 0 && newStart == 0)) {
            throw malformed(place, "the hunk header counts lines from 0");
        }
        List<Hunk.Line> body = new ArrayList<>();
        while (oldLeft > 0 || newLeft > 0) {
            if (next >= lines.size()) {
                throw malformed(place, "the patch ends in the middle of the hunk");
            }
            String raw = lines.get(next);
            Hunk.Role role = role(raw, place());
            String text = raw.equals("\n") ? raw : raw.substring(1);
            oldLeft -= role == Hunk.Role.ADDED ? 0 : 1;
            newLeft -= role == Hunk.Role.REMOVED ? 0 : 1;
            if (oldLeft < 0 || newLeft < 0) {
                throw malformed(place(), "the hunk has more lines than its header counts");
            }
            next++;
            if (next < lines.size() && line(next).startsWith("\\ ")) {
                text = text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
                next++;
            } else if (!text.endsWith("\n")) {
                throw malformed(place, "the patch ends in the middle of a line");
            }
            body.add(new Hunk.Line(role, text));
        }
        if (body.stream().allMatch(l -> l.role() == Hunk.Role.CONTEXT)) {
            throw malformed(place, "the hunk changes nothing");
        }
        requireLineEndsInside(body, place);
        requireEndOfHunk();
        return new Hunk(place, oldStart, newStart, body);
    }

    /** Only the last line of a file can lack its line end, on either side. */
    private static void requireLineEndsInside(List<Hunk.Line> body, String place) {
        for (Hunk.Role dropped : List.of(Hunk.Role.ADDED, Hunk.Role.REMOVED)) {
            List<Hunk.Line> side = body.stream().filter(l -> l.role() != dropped).toList();
            for (int i = 0; i + 1 < side.size(); i++) {
                if (!side.get(i).text().endsWith("\n")) {
                    throw malformed(place, "a line before the last one lacks its line end");
                }
            }
        }
    }

    /**
     * A line that looks like one more of the hunk means that the header's counts are wrong. Blank
     * lines, which may be lines of context or follow the hunk, say nothing.
     */
    private void requireEndOfHunk() {
        int at = next;
        while (at < lines.size() && line(at).isEmpty()) {
            at++;
        }
        if (at >= lines.size()) {
            return;
        }
        String line = line(at);
        boolean more =
                line.startsWith("+")
                        || line.startsWith(" ")
                        || (line.startsWith("-") && !line.startsWith("--"))
                        || (line.startsWith("--")
                                && line.strip().length() > 2
                                && !startsPlainSection(at));
        if (more) {
            throw malformed(
                    name + ":" + (at + 1), "the hunk has more lines than its header counts");
        }
    }

    private static Hunk.Role role(String raw, String place) {
        return switch (raw.charAt(0)) {
            case '+' -> Hunk.Role.ADDED;
            case '-' -> Hunk.Role.REMOVED;
            // Mailers strip trailing blanks: an empty line is an empty line of context.
            case ' ', '\n' -> Hunk.Role.CONTEXT;
            default ->
                    throw malformed(
                            place,
                            "a line of a hunk starts with none of blank, + and -: "
                                    + Lines.quote(raw));
        };
    }

    private static int number(String digits, String place) {
        int value = Integer.parseInt(digits);
        if (value > MAX_LINE_NUMBER) {
            throw malformed(place, "a line number is beyond " + MAX_LINE_NUMBER);
        }
        return value;
    }

    // ---- names ----

    /**
     * The name on a "---" or "+++" line: up to the tab before the time stamp, where there is one.
     */
    private static String fileName(String line, String place) {
        String rest = line.substring(4);
        int tab = rest.indexOf('\t');
        String file = (tab < 0 ? rest : rest.substring(0, tab)).stripTrailing();
        if (file.startsWith("\"")) {
            throw badPath(place, file, "is quoted, and no file of a kernel tree needs that");
        }
        return file;
    }

    /** The path of a section that has no "---" line: from "rename to", or from the first line. */
    private static String gitPath(String header, Optional<String> target, String place) {
        if (target.isPresent()) {
            return checkedPath(target.get(), place);
        }
        String names = header.substring("diff --git ".length());
        int half = names.length() / 2;
        // Both names are the same but for their prefixes, which are equally long.
        if (names.length() % 2 == 1 && names.charAt(half) == ' ') {
            String second = names.substring(half + 1);
            return stripped(second, names.substring(0, half), place);
        }
        throw badPath(place, names, "cannot be told apart into two names");
    }

    /**
     * The path relative to the tree: without its first part, as {@code patch -p1} does, unless both
     * names are the same and start with a folder of the kernel tree ({@code git diff --no-prefix}).
     */
    private static String stripped(String file, String other, String place) {
        int slash = file.indexOf('/');
        boolean bare =
                slash > 0
                        && TOP_FOLDERS.contains(file.substring(0, slash))
                        && (file.equals(other)
                                || other.equals(file + ".orig")
                                || file.equals(other + ".orig"));
        return checkedPath(bare || slash < 0 ? file : file.substring(slash + 1), place);
    }

    private static String checkedPath(String path, String place) {
        if (path.isEmpty() || path.length() > MAX_PATH_CHARS) {
            throw badPath(place, path, "is empty or too long");
        }
        if (path.startsWith("/")) {
            throw badPath(place, path, "is absolute");
        }
        for (String part : path.split("/", -1)) {
            if (part.equals("..") || part.equals(".") || part.isEmpty()) {
                throw badPath(place, path, "has an empty part, '.' or '..' in it");
            }
        }
        // Latin-1 text here: bytes from 0x80 up are UTF-8, which no path of a kernel tree has.
        if (!path.chars().allMatch(c -> c > ' ' && c < 0x7f && c != '\\' && c != '"')) {
            throw badPath(place, path, "has a blank, a control character, or a byte beyond ASCII");
        }
        return path;
    }

    // ---- the rest ----

    private String line(int at) {
        String line = lines.get(at);
        if (line.length() > MAX_LINE_CHARS) {
            throw tooLarge(
                    name + ":" + (at + 1), "a line of more than " + MAX_LINE_CHARS + " bytes");
        }
        return line.endsWith("\n") ? line.substring(0, line.length() - 1) : line;
    }

    private String place() {
        return name + ":" + (next + 1);
    }

    private static RebootlessException malformed(String place, String message) {
        return RebootlessException.usage(
                "RBL-PATCH-MALFORMED",
                place,
                message,
                "make the patch again with `git diff` or `diff -u`; it was edited by hand, cut"
                        + " short, or a mailer wrapped its lines");
    }

    private static RebootlessException tooLarge(String place, String what) {
        return RebootlessException.usage(
                "RBL-PATCH-SIZE", place, "the patch has " + what, "give a smaller patch");
    }

    private static RebootlessException badPath(String place, String path, String why) {
        String shown = Lines.quote(path + "\n");
        return RebootlessException.refused(
                "RBL-PATCH-PATH",
                place,
                "the path " + shown + " " + why,
                "a patch may only name files inside the kernel tree, as a/PATH and b/PATH");
    }
}
