package dev.rebootless.source.patch;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What a patch must not do because no livepatch could carry it, told from the patch alone. The
 * comparison of the compiled objects finds more; here a refusal can still name the source line.
 */
public final class PatchRules {
    /**
     * A statement that takes effect when an image is linked, booted or loaded, never when a
     * function is replaced.
     */
    private record LineRule(Pattern statement, String code, String message, String remedy) {}

    private static final List<LineRule> LINE_RULES =
            List.of(
                    // include/linux/export.h
                    new LineRule(
                            Pattern.compile("\\s*(EXPORT_(?:PER_CPU_)?SYMBOL\\w*)\\s*\\(.*"),
                            "RBL-EXPORT",
                            "changes what the kernel exports; the export table of a running kernel"
                                    + " is fixed",
                            "leave the export out: within one livepatch the function can be"
                                    + " called without it"),
                    // include/linux/moduleparam.h
                    new LineRule(
                            Pattern.compile("\\s*((?:module|core)_param\\w*)\\s*\\(.*"),
                            "RBL-MODULE-PARAM",
                            "changes a module parameter, which is registered when its module is"
                                    + " loaded or the kernel boots",
                            "leave the parameter out, and use a constant in its place"),
                    // include/linux/init.h, include/linux/module.h
                    new LineRule(
                            Pattern.compile(
                                    "\\s*(\\w*_initcall(?:_sync)?|__initcall|module_init|module_exit|builtin_\\w+"
                                            + "|__setup|early_param)\\s*\\(.*"),
                            "RBL-INITCALL",
                            "changes what runs at boot or when a module is loaded; that has already"
                                    + " run",
                            "do the work in a patched function, or leave it to the next reboot"));

    private PatchRules() {}

    /**
     * Every reason to refuse the patch; empty when it may be tried. Files that cannot reach the
     * kernel ({@link FileKind#reachesTheKernel}) give none. Codes: {@code RBL-ASSEMBLER}, {@code
     * RBL-BUILD-SYSTEM}, {@code RBL-TOOLS-SHARED}, {@code RBL-FILE-KIND}, {@code RBL-EXPORT},
     * {@code RBL-MODULE-PARAM}, {@code RBL-INITCALL}, and for a {@link FilePatch.Change} {@code
     * RBL-FILE-CREATED}, {@code RBL-FILE-DELETED}, {@code RBL-FILE-RENAMED}, {@code
     * RBL-FILE-COPIED}, {@code RBL-FILE-MODE}, {@code RBL-FILE-LINK}, {@code RBL-FILE-BINARY}.
     */
    public static List<Problem> refusals(SourcePatch patch) {
        List<Problem> refusals = new ArrayList<>();
        for (FilePatch file : patch.files()) {
            if (file.kind().reachesTheKernel()) {
                unservedKind(file).ifPresent(refusals::add);
                unservedChange(file).ifPresent(refusals::add);
                if (file.kind() == FileKind.C_SOURCE || file.kind() == FileKind.HEADER) {
                    refusals.addAll(unservedLines(file));
                }
            }
        }
        return refusals;
    }

    /**
     * Throws what {@link #refusals} finds.
     *
     * @throws RebootlessException exit status 4, with all refusals
     */
    public static void require(SourcePatch patch) {
        List<Problem> refusals = refusals(patch);
        if (!refusals.isEmpty()) {
            throw new RebootlessException(ExitStatus.REFUSED, refusals);
        }
    }

    private static Optional<Problem> unservedKind(FilePatch file) {
        return switch (file.kind()) {
            case C_SOURCE, HEADER, DOCUMENTATION, TOOLING -> Optional.empty();
            case ASSEMBLER ->
                    problem(
                            file,
                            "RBL-ASSEMBLER",
                            "is assembler, which has no functions that ftrace could replace",
                            "leave it to the next reboot, or patch the C callers");
            case BUILD_SYSTEM ->
                    problem(
                            file,
                            "RBL-BUILD-SYSTEM",
                            "changes how the kernel is built; a livepatch must be compiled exactly"
                                    + " as the running kernel was",
                            "leave this file out of the patch");
            case SHARED_WITH_TOOLS ->
                    problem(
                            file,
                            "RBL-TOOLS-SHARED",
                            "lies in tools/, but the kernel, or a program that makes it, may be"
                                    + " built from it as well; that is not served",
                            "leave this file out if the fix does not need it in the kernel;"
                                    + " otherwise reboot into the fixed kernel");
            case OTHER ->
                    problem(
                            file,
                            "RBL-FILE-KIND",
                            "is neither C nor text for people; code may be generated from it",
                            "leave this file out of the patch if no object is built from it");
        };
    }

    /** Why a file's change cannot be applied, by its kind of change alone. */
    static Optional<Problem> unservedChange(FilePatch file) {
        return switch (file.change()) {
            case MODIFIED -> Optional.empty();
            case CREATED ->
                    problem(
                            file,
                            "RBL-FILE-CREATED",
                            "is a new file; new files are not served yet",
                            "put the new code into the .c file that uses it");
            case DELETED ->
                    problem(
                            file,
                            "RBL-FILE-DELETED",
                            "is deleted; the running kernel keeps its code",
                            "change the functions that must not run any more instead");
            case RENAMED ->
                    problem(
                            file,
                            "RBL-FILE-RENAMED",
                            "is another name for a file of the tree",
                            "make the patch change the file under its old name"
                                    + " (`git diff --no-renames` shows what is lost)");
            case COPIED ->
                    problem(
                            file,
                            "RBL-FILE-COPIED",
                            "is a copy of another file",
                            "put the new code into the .c file that uses it");
            case MODE_CHANGED ->
                    problem(
                            file,
                            "RBL-FILE-MODE",
                            "changes its mode, which no object depends on",
                            "leave the mode change out of the patch");
            case LINK ->
                    problem(
                            file,
                            "RBL-FILE-LINK",
                            "is a symbolic link or a submodule",
                            "leave it out of the patch");
            case BINARY ->
                    problem(
                            file,
                            "RBL-FILE-BINARY",
                            "is changed as binary data",
                            "give a textual diff (`git diff --text`)");
        };
    }

    private static Optional<Problem> problem(
            FilePatch file, String code, String message, String remedy) {
        return Optional.of(new Problem(code, file.place(), file.path() + " " + message, remedy));
    }

    private static List<Problem> unservedLines(FilePatch file) {
        Map<String, Integer> balance = new LinkedHashMap<>();
        List<Changed> changed = changedLines(file);
        changed.forEach(c -> balance.merge(c.statement(), c.added() ? 1 : -1, Integer::sum));
        List<Problem> problems = new ArrayList<>();
        for (Changed line : changed) {
            // The same statement removed here and added there has only moved.
            if (balance.getOrDefault(line.statement(), 0) == 0) {
                continue;
            }
            problems.add(
                    new Problem(
                            line.rule().code(),
                            file.path() + ":" + line.line(),
                            "the patch %s %s, which %s"
                                    .formatted(
                                            line.added() ? "adds" : "removes",
                                            Lines.quote(line.statement() + "\n"),
                                            line.rule().message()),
                            line.rule().remedy()));
        }
        return problems;
    }

    /** An added or removed line that a rule speaks of; its number is that of its own side. */
    private record Changed(LineRule rule, boolean added, int line, String statement) {}

    private static List<Changed> changedLines(FilePatch file) {
        List<Changed> changed = new ArrayList<>();
        for (Hunk hunk : file.hunks()) {
            int oldLine = hunk.oldStart();
            int newLine = hunk.newStart();
            for (Hunk.Line line : hunk.lines()) {
                boolean added = line.role() == Hunk.Role.ADDED;
                boolean removed = line.role() == Hunk.Role.REMOVED;
                if (added || removed) {
                    int number = added ? newLine : oldLine;
                    ruleFor(line.text())
                            .ifPresent(rule ->
                                    changed.add(
                                            new Changed(rule, added, number, line.text().strip())));
                }
                oldLine += added ? 0 : 1;
                newLine += removed ? 0 : 1;
            }
        }
        return changed;
    }

    private static Optional<LineRule> ruleFor(String text) {
        String line = text.stripTrailing();
        return LINE_RULES.stream().filter(r -> r.statement().matcher(line).matches()).findFirst();
    }
}
