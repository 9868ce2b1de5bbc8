import dev.rebootless.source.compile.UnitCommands;
import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Which cases are tried: decided once, before anything is, and kept in the folder. */
final class Plan {
    private static final Pattern INCLUDE = Pattern.compile("(?m)^#\\s*include\\s*[<\"]([^>\"]+)[>\"]");

    private final Kit kit;
    private final Path newer;

    Plan(Kit kit, Path newer) {
        this.kit = kit;
        this.newer = newer;
    }

    /**
     * The cases: of the changed .c files that the configuration builds {@code files}, of the changed
     * headers {@code headers}; 0 files means all of both.
     */
    List<Case> cases(Path folder, int files, int headers, long seed) throws IOException {
        Path kept = folder.resolve("plan-" + files + "-" + headers + "-" + seed + ".txt");
        if (Files.exists(kept)) {
            return Files.readAllLines(kept).stream().map(Case::parse).toList();
        }
        List<String> sources = changed(".c");
        int total = sources.size();
        UnitCommands commands = new UnitCommands(kit.kernelTree());
        sources = new ArrayList<>(commands.compiledOf(sources, System.out::println));
        Set<String> units = new HashSet<>();
        commands.all(System.out::println).forEach(unit -> units.add(unit.source()));
        Map<String, List<String>> byHeader = headers(sources, units);
        List<String> names = new ArrayList<>(byHeader.keySet());
        System.out.printf(
                "%d changed .c files, %d that the configuration builds, %d changed headers that its"
                        + " folders can include%n",
                total, sources.size(), names.size());
        Random random = new Random(seed);
        Collections.shuffle(sources, random);
        Collections.shuffle(names, random);
        List<Case> cases = new ArrayList<>();
        first(sources, files, files).forEach(file -> cases.add(new Case(List.of(file))));
        for (String header : first(names, headers, files)) {
            List<String> group = new ArrayList<>(List.of(header));
            group.addAll(byHeader.get(header));
            cases.add(new Case(group));
        }
        Files.write(kept, cases.stream().map(Case::line).toList());
        return cases;
    }

    private static List<String> first(List<String> list, int count, int files) {
        return files == 0 ? list : list.subList(0, Math.min(count, list.size()));
    }

    private List<String> changed(String suffix) throws IOException {
        List<String> changed = new ArrayList<>();
        try (Stream<Path> all = Files.walk(kit.tree())) {
            for (Path path : (Iterable<Path>) all.filter(p -> p.toString().endsWith(suffix))::iterator) {
                Path relative = kit.tree().relativize(path);
                Path other = newer.resolve(relative);
                if (Files.isRegularFile(path)
                        && Files.isRegularFile(other)
                        && !relative.startsWith("tools")
                        && !relative.toString().contains("/generated/")
                        && Files.mismatch(path, other) >= 0) {
                    changed.add(relative.toString());
                }
            }
        }
        Collections.sort(changed);
        return changed;
    }

    /** The changed headers, each with the changed .c files whose text includes it. */
    private Map<String, List<String>> headers(List<String> sources, Set<String> units)
            throws IOException {
        Set<String> folders = new HashSet<>();
        units.forEach(unit -> folders.add(folder(unit)));
        Map<String, List<String>> headers = new TreeMap<>();
        for (String header : changed(".h")) {
            if (header.startsWith("include/")
                    || header.startsWith("arch/x86/include/")
                    || folders.contains(folder(header))) {
                headers.put(header, new ArrayList<>());
            }
        }
        for (String source : sources) {
            Set<String> included = new TreeSet<>();
            Matcher matcher =
                    INCLUDE.matcher(Files.readString(newer.resolve(source), java.nio.charset.StandardCharsets.ISO_8859_1));
            while (matcher.find()) {
                included.add("include/" + matcher.group(1));
                included.add("arch/x86/include/" + matcher.group(1));
                included.add(Path.of(folder(source), matcher.group(1)).normalize().toString());
            }
            included.stream()
                    .filter(headers::containsKey)
                    .forEach(header -> headers.get(header).add(source));
        }
        return headers;
    }

    private static String folder(String file) {
        return file.substring(0, Math.max(0, file.lastIndexOf('/')));
    }
}
