package dev.rebootless.build.backlog;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Lazy;
import dev.rebootless.cve.Changelog;
import dev.rebootless.source.history.SourceDifference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The sources of two lines: in one all came at once, in the other in two uploads. */
class ToldApartTest {
    private static final String START =
            "struct state {\n\tint kept;\n};\n\nint check(struct state *s)\n{\n\treturn s->kept;\n}\n";

    private static final String REWORKED =
            START.replace("\tint kept;\n", "\tint kept;\n\tint counted_anew;\n");

    private static final String FIX = "\treturn s ? s->kept : -EINVAL;\n";

    private static final String BOTH = REWORKED.replace("\treturn s->kept;\n", FIX);

    @TempDir private Path folder;

    private List<SourceDifference> steps(String line, List<String> versions, List<String> texts)
            throws IOException {
        List<SourceDifference> steps = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
            Path file = folder.resolve(line).resolve(versions.get(i)).resolve("net/x.c");
            Files.createDirectories(file.getParent());
            Files.writeString(file, texts.get(i));
        }
        for (int i = 0; i + 1 < texts.size(); i++) {
            Path in = folder.resolve(line);
            steps.add(
                    SourceDifference.of(
                            versions.get(i),
                            in.resolve(versions.get(i)),
                            versions.get(i + 1),
                            in.resolve(versions.get(i + 1)),
                            in.resolve("kept-" + i)));
        }
        return steps;
    }

    private static Fix fix(String id, String title) {
        return new Fix(
                Rows.exposed(id, title),
                0,
                Pieces.of(List.of(Piece.whole(0, "net/x.c"))),
                new TreeSet<>(),
                false,
                List.of());
    }

    private static String upload(String version, String entry) {
        return "linux (%s) trixie-security; urgency=high\n\n  * New upstream stable update:\n    - %s\n\n -- A B <a@b.example>  Mon, 01 Jan 2026 00:00:00 +0000\n\n"
                .formatted(version, entry);
    }

    private static final String CHANGELOG =
            upload("6.12.30-1", "net: x: check the state (CVE-2026-10001)")
                    + upload("6.12.20-1", "net: x: count anew")
                    + upload("6.12.10-1", "net: x: old fix (CVE-2026-10002)");

    private Optional<ToldApart.Part> part(Fix fix, List<String> otherTexts) throws IOException {
        History history =
                new History(steps("6.1", List.of("6.1.10-1", "6.1.20-1"), List.of(START, BOTH)));
        OtherLine other =
                new OtherLine(
                        "6.12",
                        Changelog.parse(CHANGELOG, "a test"),
                        steps("6.12", List.of("6.12.10-1", "6.12.20-1", "6.12.30-1"), otherTexts));
        return new ToldApart(history, new Lazy<>(() -> Optional.of(other))).of(fix);
    }

    private String patch(Pieces pieces) throws IOException {
        return new History(steps("6.1", List.of("6.1.10-1", "6.1.20-1"), List.of(START, BOTH)))
                .patches(pieces)
                .getFirst();
    }

    @Test
    void whatTheOtherLineGotInAnotherUploadIsLeftOut() throws IOException {
        Optional<ToldApart.Part> part =
                part(
                        fix("CVE-2026-10001", "net: x: check the state"),
                        List.of(START, REWORKED, BOTH));
        assertThat(part).isPresent();
        assertThat(part.get().words())
                .isEqualTo(
                        "1 of 2 changes of net/x.c, those that the 6.12 line got together with the fix, from 6.12.20-1 to"
                                + " 6.12.30-1");
        assertThat(patch(part.get().pieces()))
                .contains("+" + FIX.stripTrailing())
                .doesNotContain("counted_anew");
    }

    @Test
    void aFixIsKnownByItsTitleWhereTheOtherLineHasNoNumberForIt() throws IOException {
        assertThat(
                        part(
                                fix("CVE-2026-10009", "net: x: check the state"),
                                List.of(START, REWORKED, BOTH)))
                .isPresent();
    }

    /** A fix whose reading of a new member came here without the setting would read nothing. */
    @Test
    void whatSharesANewNameOrIsTooShortToBeToldGoesWithTheFix() throws IOException {
        String start =
                "int check(int a)\n{\n\tint n = 0;\n\n\tif (a)\n\t\treturn 1;\n\treturn n;\n}\n\n\n\n\n\n"
                        + "int set(int a)\n{\n\treturn a;\n}\n\n\n\n\n\nint other(int a)\n{\n\treturn a + 100;\n}\n";
        String fixed =
                start.replace("\tif (a)\n", "\tn++;\n\n\tif (a && boot_time_of(a))\n")
                        .replace("int n = 0;\n\n\tn++;", "int n = 0;\n\tn++;\n")
                        .replace("\treturn a;\n", "\tset_boot(&boot_time_of(a));\n\treturn a;\n");
        String all = fixed.replace("a + 100", "a + 200");
        History history =
                new History(steps("6.1", List.of("6.1.10-1", "6.1.20-1"), List.of(start, all)));
        OtherLine other =
                new OtherLine(
                        "6.12",
                        Changelog.parse(CHANGELOG, "a test"),
                        steps(
                                "6.12",
                                List.of("6.12.20-1", "6.12.30-1"),
                                List.of(
                                        start,
                                        start.replace(
                                                "\tif (a)\n", "\tif (a && boot_time_of(a))\n"))));
        Optional<ToldApart.Part> part =
                new ToldApart(history, new Lazy<>(() -> Optional.of(other)))
                        .of(fix("CVE-2026-10001", "net: x: check the state"));
        assertThat(part).isPresent();
        assertThat(history.patches(part.get().pieces()).getFirst())
                .contains("+\tn++;", "+\tif (a && boot_time_of(a))", "+\tset_boot(")
                .doesNotContain("+\treturn a + 200;");
    }

    @Test
    void nothingIsToldByALineThatSaysNothing() throws IOException {
        List<String> apart = List.of(START, REWORKED, BOTH);
        // Neither the number nor the title.
        assertThat(part(fix("CVE-2026-10009", "another"), apart)).isEmpty();
        // Fixed before the oldest source that is served.
        assertThat(part(fix("CVE-2026-10002", "net: x: old fix"), apart)).isEmpty();
        // All at once there as well.
        assertThat(
                        part(
                                fix("CVE-2026-10001", "net: x: check the state"),
                                List.of(START, START, BOTH)))
                .isEmpty();
        // Another way to write the fix: no line is the same, so none can be held against it.
        assertThat(
                        part(
                                fix("CVE-2026-10001", "net: x: check the state"),
                                List.of(
                                        START,
                                        START.replace("s->kept", "s->held"),
                                        START.replace(
                                                "return s->kept;", "return kept_of_state(s);"))))
                .isEmpty();
    }
}
