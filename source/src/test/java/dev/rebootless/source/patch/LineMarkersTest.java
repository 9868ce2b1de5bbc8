package dev.rebootless.source.patch;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class LineMarkersTest {
    @Test
    void anUnchangedNumberOfLinesNeedsNoDirective() {
        assertThat(pinned("a\n+b\n-c\nd\n")).isEqualTo("a\nb\nd\n");
    }

    @Test
    void theFirstLineAfterAnAdditionGetsItsOldNumber() {
        assertThat(pinned("a\n+b\nc\nd\n")).isEqualTo("a\nb\n#line 2\nc\nd\n");
    }

    @Test
    void theFirstLineAfterARemovalGetsItsOldNumber() {
        assertThat(pinned("a\n-b\nc\nd\n")).isEqualTo("a\n#line 3\nc\nd\n");
    }

    @Test
    void noDirectiveStandsAmongTheArgumentsOfAMacro() {
        assertThat(pinned("f(a,\n+b,\n  c,\n  d);\ne\n"))
                .isEqualTo("f(a,\nb,\n  c,\n  d);\n#line 4\ne\n");
    }

    @Test
    void noDirectiveStandsBetweenAMacroAndItsArguments() {
        assertThat(pinned("+b\nNAME\n(a)\nc\n")).isEqualTo("b\n#line 1\nNAME\n(a)\nc\n");
        assertThat(pinned("NAME\n+\n(a)\nc\n")).isEqualTo("NAME\n\n(a)\n#line 3\nc\n");
        assertThat(pinned("NAME\n-x\n\n(a)\nc\n")).isEqualTo("NAME\n\n(a)\n#line 5\nc\n");
    }

    @Test
    void noDirectiveStandsInAComment() {
        assertThat(pinned("/* a\n+ b ( \" \n c */ d\ne\n"))
                .isEqualTo("/* a\n b ( \" \n c */ d\n#line 3\ne\n");
    }

    @Test
    void noDirectiveStandsInAContinuedDirectiveOrString() {
        assertThat(pinned("#define A \\\n+ b \\\n c\ne\n"))
                .isEqualTo("#define A \\\n b \\\n c\n#line 3\ne\n");
        assertThat(pinned("x = \"a \\\n+b \\\nc\";\ne\n"))
                .isEqualTo("x = \"a \\\nb \\\nc\";\n#line 3\ne\n");
        assertThat(pinned("// a \\\n+b \\\nc\ne\n")).isEqualTo("// a \\\nb \\\nc\n#line 3\ne\n");
    }

    @Test
    void noDirectiveStandsInACommentThatADirectiveLeavesOpen() {
        assertThat(pinned("#define A /* (\n+ b\n */ c(\ne\n"))
                .isEqualTo("#define A /* (\n b\n */ c(\n#line 3\ne\n");
    }

    @Test
    void parenthesesInLiteralsAndCommentsDoNotCount() {
        assertThat(pinned("a = '(' + \"((\\\"(\"; /* ( */ // (\n+b\nc\n"))
                .endsWith("b\n#line 2\nc\n");
    }

    @Test
    void anApostropheInSkippedProseEndsWithItsLine() {
        assertThat(pinned("#if 0\ndon't\n#endif\n+b\nc\n")).endsWith("b\n#line 4\nc\n");
    }

    @Test
    void bothBranchesOfAConditionalMayOpenTheSameParenthesis() {
        assertThat(pinned("#ifdef A\nif (a &&\n#else\nif (b &&\n#endif\n c)\n+d\ne\n"))
                .isEqualTo("#ifdef A\nif (a &&\n#else\nif (b &&\n#endif\n c)\nd\n#line 7\ne\n");
    }

    @Test
    void theNumberIsSetAgainAfterAGroupThatMayBeSkipped() {
        assertThat(pinned("#ifdef A\n+b\nc\n#else\nd\n#endif\ne\nf\n"))
                .isEqualTo(
                        "#ifdef A\nb\n#line 2\nc\n#line 3\n#else\n#line 4\nd\n#line 5\n#endif\n#line 6\ne\nf\n"
                                .replace("#line 3\n#else", "#else")
                                .replace("#line 5\n#endif", "#endif"));
    }

    @Test
    void nestedGroupsAreAllLeftWithTheRightNumber() {
        assertThat(pinned("#if A\n#if B\n+b\nc\n#endif\nd\n#endif\ne\n"))
                .isEqualTo("#if A\n#if B\nb\n#line 3\nc\n#endif\n#line 5\nd\n#endif\n#line 7\ne\n");
    }

    @Test
    void aSecondChangeBeforeASafeLineSharesOneDirective() {
        assertThat(pinned("f(a,\n+b,\nc,\n+d,\ne);\ng\n"))
                .isEqualTo("f(a,\nb,\nc,\nd,\ne);\n#line 4\ng\n");
    }

    /** A file in which {@code +} marks added and {@code -} removed lines; the rest is untouched. */
    private static String pinned(String marked) {
        List<Hunk.Line> lines =
                marked.lines()
                        .map(l ->
                                switch (l.isEmpty() ? ' ' : l.charAt(0)) {
                                    case '+' ->
                                            new Hunk.Line(Hunk.Role.ADDED, l.substring(1) + "\n");
                                    case '-' ->
                                            new Hunk.Line(Hunk.Role.REMOVED, l.substring(1) + "\n");
                                    default -> new Hunk.Line(Hunk.Role.CONTEXT, l + "\n");
                                })
                        .toList();
        Hunk hunk = new Hunk("p:1", 1, 1, lines);
        byte[] original =
                hunk.before().stream()
                        .collect(Collectors.joining())
                        .getBytes(StandardCharsets.ISO_8859_1);
        HunkApplier applier = new HunkApplier("x.c", original);
        assertThat(applier.apply(List.of(hunk))).isEmpty();
        return new String(LineMarkers.pin(applier.result()), StandardCharsets.ISO_8859_1);
    }
}
