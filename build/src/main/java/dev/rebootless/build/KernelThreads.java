package dev.rebootless.build;

import dev.rebootless.livepatch.UnitPatch;
import dev.rebootless.source.compile.Mentions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Which replaced functions kernel threads run as their main function. Most of these never return:
 * while such a thread is there, it is always within the original, and no livepatch that replaces it
 * comes into force (Documentation/livepatch/livepatch.rst, "Consistency model"). The proof sees
 * that only where the guest has such a thread.
 */
public final class KernelThreads {
    /** include/linux/kthread.h, include/linux/sched/task.h: the function comes first. */
    private static final String START =
            "\\b(?:kthread_(?:run|create)(?:_on_node|_on_cpu)?|kernel_thread|user_mode_thread)\\s*\\(\\s*&?\\s*";

    private KernelThreads() {}

    /** A warning for each. */
    static List<String> warnings(List<UnitPatch> units, Path tree) {
        List<String> warnings = new ArrayList<>();
        for (UnitPatch unit : units) {
            String text = text(tree.resolve(unit.unit()));
            for (String changed : unit.changes().changed()) {
                String name = changed.replaceFirst("\\..*", "");
                startedIn(name, unit.unit(), text, tree).stream()
                        .findFirst()
                        .ifPresent(where ->
                                warnings.add(
                                        unit.unit()
                                                + ": "
                                                + name
                                                + " is the main function of a kernel thread "
                                                + "("
                                                + where
                                                + "); unless it returns now and then, the livepatch does not come into force"
                                                + " while such a thread is there"));
            }
        }
        return warnings;
    }

    /**
     * The files that start a thread with a function.
     *
     * @param text of its unit
     */
    static List<String> startedIn(String name, String unit, String text, Path tree) {
        String quoted = Pattern.quote(name);
        if (!Pattern.compile("\\b" + quoted + "\\s*\\(\\s*void\\s*\\*").matcher(text).find()) {
            return List.of();
        }
        Pattern start = Pattern.compile(START + quoted + "\\b");
        if (start.matcher(text).find()) {
            return List.of(unit);
        }
        boolean isStatic =
                Pattern.compile("(?m)^static\\b[^;{}()]*\\b" + quoted + "\\s*\\(")
                        .matcher(text)
                        .find();
        if (isStatic) {
            return List.of();
        }
        return new Mentions(tree)
                .of(Set.of(name), List.of()).stream()
                        .filter(file -> file.endsWith(".c"))
                        .filter(file -> start.matcher(text(tree.resolve(file))).find())
                        .toList();
    }

    private static String text(Path file) {
        try {
            return Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
