package dev.rebootless.source.patch;

import dev.rebootless.source.patch.CLineScanner.Conditional;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Keeps the line numbers of untouched lines as they were. A line added at the top of a file moves
 * {@code __LINE__} in every function below it, and with it the code of each {@code WARN_ON} and
 * {@code BUG}: the comparison would see changed functions where nothing changed. A {@code #line}
 * directive (C11 6.10.4) before the first line after the change puts the numbers back.
 *
 * <p>Such a directive stands only where it cannot change what the text means (see {@link
 * CLineScanner}); where a change lies inside a comment or a macro's arguments, it comes at the
 * first line after them. Lines of a change itself get numbers that count on from the line above.
 *
 * <p>A directive in a conditional group that is skipped has no effect, and one in a group that is
 * not skipped has it for what follows the group as well. Since nobody here knows which groups are
 * skipped, the number is set again after each {@code #else}, {@code #elif} and {@code #endif} of a
 * group that holds one.
 */
public final class LineMarkers {
    private final List<String> lines;
    private final PatchedFile file;
    private final List<String> out = new ArrayList<>();
    private final CLineScanner scanner = new CLineScanner();

    /** For each open conditional, whether a directive stands in it. */
    private final Deque<Boolean> marked = new ArrayDeque<>();

    /** What the compiler takes the next line's number for, unless {@link #unsure}. */
    private int number = 1;

    private boolean unsure;

    private LineMarkers(PatchedFile file) {
        this.file = file;
        this.lines = Lines.of(file.patched());
    }

    /** The patched text of a C file with the directives in it. */
    public static byte[] pin(PatchedFile file) {
        return new LineMarkers(file).pinned();
    }

    private byte[] pinned() {
        for (int i = 0; i < lines.size(); i++) {
            int origin = file.originalLine(i + 1).orElse(0);
            boolean needed = origin != 0 && (unsure || number != origin);
            if (needed && scanner.directiveMayFollow() && !continuesMacroCall(i)) {
                out.add("#line " + origin + "\n");
                number = origin;
                unsure = false;
                markOpenConditionals();
            }
            out.add(lines.get(i));
            number++;
            follow(scanner.read(lines.get(i)));
        }
        return Lines.join(out);
    }

    private void follow(Conditional conditional) {
        switch (conditional) {
            case NONE -> {}
            case OPENED -> marked.push(false);
            case SWITCHED -> unsure |= !marked.isEmpty() && marked.peek();
            case CLOSED -> unsure |= !marked.isEmpty() && marked.pop();
        }
    }

    private void markOpenConditionals() {
        int depth = marked.size();
        marked.clear();
        for (int i = 0; i < depth; i++) {
            marked.push(true);
        }
    }

    /** Between a macro's name and its arguments a directive would be among the arguments. */
    private boolean continuesMacroCall(int index) {
        for (int i = index; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (!line.isEmpty()) {
                return line.startsWith("(");
            }
        }
        return false;
    }
}
