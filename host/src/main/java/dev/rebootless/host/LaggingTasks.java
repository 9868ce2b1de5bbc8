package dev.rebootless.host;

import dev.rebootless.host.files.HostFiles;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/**
 * Which tasks a transition waits for, from {@code /proc/PID/task/TID/patch_state}
 * (Documentation/livepatch/livepatch.rst, "Consistency model").
 */
final class LaggingTasks {
    /** So many are told with their stacks; the others are counted. */
    private static final int MAX_TOLD = 16;

    private static final int MAX_FRAMES = 64;

    private final HostFiles files;

    LaggingTasks(HostFiles files) {
        this.files = files;
    }

    /**
     * @param count of all
     * @param told the first of them
     */
    record Found(int count, List<LaggingTask> told) {
        Found {
            told = List.copyOf(told);
        }
    }

    /**
     * Those that have not arrived.
     *
     * @param patched where they go: to the livepatch, or away from it
     * @param functions that it replaces
     */
    Found find(boolean patched, Set<String> functions) {
        String there = patched ? "1" : "0";
        int count = 0;
        List<LaggingTask> told = new ArrayList<>();
        for (Map.Entry<Integer, String> task : folders().entrySet()) {
            Optional<String> state = files.read(task.getValue() + "/patch_state").known();
            // -1: in no transition (KLP_UNDEFINED in include/linux/livepatch.h).
            if (state.filter(s -> !s.equals(there) && !s.equals("-1")).isPresent()) {
                count++;
                if (told.size() < MAX_TOLD) {
                    told.add(task(task.getValue(), task.getKey(), functions));
                }
            }
        }
        return new Found(count, told);
    }

    /**
     * The ids of tasks whose stack holds code of a module, as the kernel prints the symbols of one
     * ({@code %pB} in lib/vsprintf.c: {@code do_open+0x1f/0x34 [livepatch_fix]}). A task that runs
     * at the moment shows no stack.
     */
    List<Integer> within(String module) {
        List<Integer> found = new ArrayList<>();
        folders()
                .forEach((id, folder) -> {
                    String stack = files.read(folder + "/stack").known().orElse("");
                    if (stack.lines().anyMatch(line -> line.endsWith(" [" + module + "]"))) {
                        found.add(id);
                    }
                });
        return found;
    }

    /** The folders of all tasks, by their ids, in the order of their processes. */
    private SequencedMap<Integer, String> folders() {
        SequencedMap<Integer, String> folders = new LinkedHashMap<>();
        for (int process : numbers("/proc")) {
            String tasks = "/proc/" + process + "/task";
            numbers(tasks).forEach(task -> folders.put(task, tasks + "/" + task));
        }
        return folders;
    }

    private LaggingTask task(String folder, int id, Set<String> functions) {
        String command = files.read(folder + "/comm").known().orElse("?");
        List<String> stack = new ArrayList<>();
        for (String line : files.read(folder + "/stack").known().orElse("").split("\n")) {
            // [<0>] do_wait+0x17/0x2c0
            int begin = line.indexOf("] ");
            int end = line.indexOf('+', begin);
            if (begin > 0 && end > begin && stack.size() < MAX_FRAMES) {
                stack.add(line.substring(begin + 2, end));
            }
        }
        return new LaggingTask(
                id, command, stack, stack.stream().filter(functions::contains).findFirst());
    }

    /** The names in a folder that are numbers, in order; none when it is gone by now. */
    private List<Integer> numbers(String folder) {
        List<Integer> numbers = new ArrayList<>();
        try {
            for (String name : files.names(folder)) {
                if (!name.isEmpty() && name.chars().allMatch(c -> c >= '0' && c <= '9')) {
                    numbers.add(Integer.parseInt(name));
                }
            }
        } catch (IOException | NumberFormatException e) {
            return List.of();
        }
        numbers.sort(null);
        return numbers;
    }
}
