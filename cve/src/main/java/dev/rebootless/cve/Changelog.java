package dev.rebootless.cve;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.DebianVersion;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A changelog of a Debian kernel package (Debian Policy 4.4): uploads, the newest first, each with
 * a list of changes. Debian's kernel team puts a CVE's id in brackets behind the title of the
 * commit that fixes it, and the architectures before it where it is not for all.
 *
 * @param uploads the newest first, as in the file
 */
public record Changelog(List<Upload> uploads) {
    /** The longest of Debian 13 has under 5 MB. */
    public static final int MAX_CHARS = 64 << 20;

    /** A line that people wrote. */
    private static final int MAX_LINE = 4096;

    private static final Pattern HEADER =
            Pattern.compile(
                    "([a-z0-9][a-z0-9+.-]{1,200}) \\(([A-Za-z0-9.+~:-]{1,256})\\) ([^;]*);.*");

    private static final Pattern ITEM = Pattern.compile("( {2,20})[*+-](?: (.*))?", Pattern.DOTALL);

    private static final Pattern TAG =
            Pattern.compile("\\[([^\\]]{1,100})\\]\\s*(.*)", Pattern.DOTALL);

    /** {@code (CVE-2026-1, CVE-2026-2)} and {@code (Closes: #1154101)} at the end of a title. */
    private static final Pattern REMARKS = Pattern.compile("\\((?:CVE-[0-9]|Closes:)[^()]*\\)");

    private static final Pattern SPACE = Pattern.compile("\\s+");

    /** Suffix of a rebuild for an older suite, {@code ~deb12u1} or {@code ~bpo12+1}. */
    private static final Pattern REBUILD = Pattern.compile("~(?:deb\\d+u\\d+|bpo\\d+\\+\\d+)$");

    public Changelog {
        uploads = List.copyOf(uploads);
    }

    /**
     * One upload.
     *
     * @param source the source package, such as {@code linux}
     * @param suite it went to, such as {@code bookworm-security}
     */
    public record Upload(String source, DebianVersion version, String suite, List<Entry> entries) {
        public Upload {
            entries = List.copyOf(entries);
        }
    }

    /**
     * One change.
     *
     * @param title without ids, tags and bug numbers
     * @param cves that it fixes; mostly none
     * @param only the architectures (or flavours) that it is for, as in its own tag or in that of
     *     the item above it; empty for all
     */
    public record Entry(String title, List<CveId> cves, Set<String> only) {
        /**
         * Words of a tag that name other architectures, or 32-bit x86. Any other word, known or not
         * ({@code [x86*]}, {@code [config]}), leaves 64-bit x86 in.
         */
        private static final Pattern ELSEWHERE =
                Pattern.compile(
                        "(?:arm|aarch|armel|armhf|i386|alpha|hppa|ia64|m68k|mips|powerpc|ppc|riscv|s390|sh4|sparc|loong|arc)"
                                + ".*");

        public Entry {
            cves = List.copyOf(cves);
            only = Set.copyOf(only);
        }

        /** Whether its tag leaves 64-bit x86 in. */
        public boolean reachesAmd64() {
            return only.isEmpty() || only.stream().anyMatch(o -> !ELSEWHERE.matcher(o).matches());
        }
    }

    /**
     * Reads one.
     *
     * @throws RebootlessException exit status 5 {@code RBL-CHANGELOG} for what is no changelog
     */
    public static Changelog parse(String text, String place) {
        return parse(text, place, Optional.empty());
    }

    /**
     * Reads one down to an upload, or all of it where that does not stand in it: what is older is
     * nine tenths of a kernel's.
     *
     * @throws RebootlessException as {@link #parse(String, String)}
     */
    public static Changelog parseDownTo(String text, String place, DebianVersion last) {
        return parse(text, place, Optional.of(last));
    }

    private static Changelog parse(String text, String place, Optional<DebianVersion> last) {
        if (text.length() > MAX_CHARS) {
            throw bad(place, "it has more than " + (MAX_CHARS >> 20) + " MB");
        }
        Reader reader = new Reader();
        text.lines()
                .map(l -> l.length() > MAX_LINE ? l.substring(0, MAX_LINE) : l)
                .takeWhile(_ -> last.isEmpty() || !reader.has(last.get()))
                .forEach(reader::line);
        if (last.isEmpty() || !reader.has(last.get())) {
            reader.endOfUpload();
        }
        if (reader.uploads.isEmpty()) {
            throw bad(place, "no upload stands in it");
        }
        return new Changelog(reader.uploads);
    }

    private static RebootlessException bad(String place, String why) {
        return RebootlessException.environment(
                "RBL-CHANGELOG",
                place,
                "is no changelog of a Debian package: " + why,
                "give the changelog.Debian.gz of a kernel package");
    }

    /** An item whose lines are being collected. */
    private record Open(int indent, Set<String> only) {}

    private static final class Reader {
        private final List<Upload> uploads = new ArrayList<>();
        private final List<Entry> entries = new ArrayList<>();
        private final Deque<Open> above = new ArrayDeque<>();
        private final StringBuilder item = new StringBuilder();
        private Optional<Matcher> header = Optional.empty();
        private boolean inItem;

        /** Whether an upload is there to its end. */
        boolean has(DebianVersion version) {
            return !uploads.isEmpty() && uploads.getLast().version().text().equals(version.text());
        }

        void line(String line) {
            Matcher head = HEADER.matcher(line);
            if (head.matches()) {
                endOfUpload();
                header = Optional.of(head);
                return;
            }
            Matcher start = ITEM.matcher(line);
            if (start.matches()) {
                endOfItem();
                int indent = start.group(1).length();
                while (!above.isEmpty() && above.peek().indent() >= indent) {
                    above.pop();
                }
                above.push(new Open(indent, above.isEmpty() ? Set.of() : above.peek().only()));
                item.append(Optional.ofNullable(start.group(2)).orElse("").strip());
                inItem = true;
            } else if (inItem && !above.isEmpty() && indent(line) > above.peek().indent()) {
                item.append(' ').append(line.strip());
            } else {
                endOfItem();
            }
        }

        /** An empty line goes on with nothing; a tab is at least as wide as what it stands for. */
        private static int indent(String line) {
            int indent = 0;
            int width = 0;
            while (indent < line.length() && " \t".indexOf(line.charAt(indent)) >= 0) {
                width += line.charAt(indent) == '\t' ? 8 : 1;
                indent++;
            }
            return indent == line.length() ? 0 : width;
        }

        /** Only now the whole of the tag is there: it may be wrapped as well. */
        private void endOfItem() {
            inItem = false;
            if (item.isEmpty()) {
                return;
            }
            String text = item.toString().strip();
            item.setLength(0);
            Matcher tag = TAG.matcher(text);
            String title = tag.matches() ? tag.group(2) : text;
            if (tag.matches() && !above.isEmpty()) {
                Set<String> only =
                        new TreeSet<>(Arrays.asList(tag.group(1).strip().split("\\s*,\\s*")));
                above.push(new Open(above.pop().indent(), only));
            }
            entries.add(
                    new Entry(
                            SPACE.matcher(REMARKS.matcher(title).replaceAll(""))
                                    .replaceAll(" ")
                                    .strip(),
                            CveId.allIn(text),
                            above.isEmpty() ? Set.of() : above.peek().only()));
        }

        private void endOfUpload() {
            endOfItem();
            above.clear();
            header.ifPresent(h ->
                    uploads.add(
                            new Upload(
                                    h.group(1),
                                    new DebianVersion(h.group(2)),
                                    h.group(3).strip(),
                                    entries)));
            header = Optional.empty();
            entries.clear();
        }
    }

    /** The newest upload's version. */
    public DebianVersion newest() {
        return uploads.getFirst().version();
    }

    /**
     * What came after one version up to another: the uploads that stand above the first's, from the
     * second's on downwards. Where one of them is not in the file (it was never uploaded, or the
     * file is of another branch), the order of versions decides, in which a rebuild for an older
     * suite ({@code 6.12.107-1~deb12u1}) is what it was rebuilt from.
     */
    public List<Upload> between(DebianVersion after, DebianVersion upTo) {
        int from = indexOf(upTo);
        int to = indexOf(after);
        List<Upload> found = new ArrayList<>();
        for (int i = 0; i < uploads.size(); i++) {
            DebianVersion version = uploads.get(i).version();
            boolean isAfter = to >= 0 ? i < to : plain(version).compareTo(plain(after)) > 0;
            boolean isUpTo = from >= 0 ? i >= from : plain(version).compareTo(plain(upTo)) <= 0;
            if (isAfter && isUpTo) {
                found.add(uploads.get(i));
            }
        }
        return List.copyOf(found);
    }

    private int indexOf(DebianVersion version) {
        for (int i = 0; i < uploads.size(); i++) {
            if (uploads.get(i).version().text().equals(version.text())) {
                return i;
            }
        }
        return -1;
    }

    /** Without the suffix of a rebuild. */
    public static DebianVersion plain(DebianVersion version) {
        return new DebianVersion(REBUILD.matcher(version.text()).replaceFirst(""));
    }

    /**
     * The version under which a suite first had an upload: itself, or, where the suite rebuilds
     * another's ({@code 6.12.111-1~deb12u1} for {@code 6.12.111-1}), the first rebuild above it.
     *
     * @param like a version of that suite
     */
    public DebianVersion servedAs(Upload upload, DebianVersion like) {
        String suffix = like.text().substring(plain(like).text().length());
        if (suffix.isEmpty()) {
            return upload.version();
        }
        String stem = suffix.replaceFirst("\\d+$", "");
        for (int i = uploads.indexOf(upload); i >= 0; i--) {
            DebianVersion version = uploads.get(i).version();
            if (version.text().contains(stem)) {
                return version;
            }
        }
        return upload.version();
    }
}
