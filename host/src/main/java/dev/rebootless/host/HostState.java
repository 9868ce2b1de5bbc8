package dev.rebootless.host;

import dev.rebootless.host.LoadedLivepatch.LoadedFunction;
import dev.rebootless.host.LoadedLivepatch.LoadedObject;
import dev.rebootless.host.files.HostFiles;
import dev.rebootless.kernel.ShippedCode;
import dev.rebootless.manifest.Manifest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What is in force on this machine: each function that any livepatch replaces, and each CVE that a
 * livepatch of ours closes.
 *
 * @param livepatches the one that was loaded last at the end
 * @param functions in the order of object, name and place among namesakes
 * @param cves by id
 * @param installed what is loaded at each boot of this kernel
 */
record HostState(
        RunningKernel kernel,
        List<LoadedLivepatch> livepatches,
        List<FunctionState> functions,
        Map<String, CveState> cves,
        Store.Contents installed) {
    public HostState {
        livepatches = List.copyOf(livepatches);
        functions = List.copyOf(functions);
        cves = java.util.Collections.unmodifiableMap(new TreeMap<>(cves));
    }

    /** What runs when a function is called. */
    public enum Running {
        /** The replacement of the topmost livepatch. */
        PATCHED,
        /** That one's for some tasks, and for others what was before. */
        IN_TRANSITION,
        /** The code as shipped. */
        ORIGINAL,
        /** Nothing: its module is not loaded, and will be patched when it comes. */
        NOT_LOADED;

        /** As it is printed. */
        public String word() {
            return switch (this) {
                case PATCHED -> "patched";
                case IN_TRANSITION -> "in transition";
                case ORIGINAL -> "original";
                case NOT_LOADED -> "not loaded";
            };
        }
    }

    /**
     * A function that livepatches replace.
     *
     * @param sympos which of several symbols of the name, from 1; 1 also for a unique name
     * @param by the livepatches that replace it, the topmost at the end
     */
    public record FunctionState(
            String object, String name, int sympos, Running running, List<String> by) {
        public FunctionState {
            by = List.copyOf(by);
        }

        /** The livepatch whose replacement runs, or will. */
        public String top() {
            return by.getLast();
        }
    }

    /** How far a CVE is closed (DESIGN.md, "When a CVE counts as closed on a host"). */
    public enum Closed {
        /** The running kernel never calls the old code. */
        CLOSED("closed"),
        /** The same, by a livepatch whose manifest has warnings that a person has to judge. */
        CLOSED_UNREVIEWED("closed-unreviewed"),
        /** Tasks are still moving. */
        PENDING("pending"),
        /** Some of its functions are not patched, or another livepatch is above it. */
        PARTLY("partly"),
        /** It cannot be told; never counted as closed. */
        UNKNOWN("unknown");

        private final String word;

        Closed(String word) {
            this.word = word;
        }

        /** As it is printed. */
        public String word() {
            return word;
        }
    }

    /**
     * A CVE that a loaded livepatch says it closes.
     *
     * @param why one sentence where it is not plainly closed, else empty
     */
    public record CveState(Closed closed, String livepatch, String why) {}

    /** Reads all from the kernel. */
    static HostState read(HostFiles files) {
        RunningKernel kernel = RunningKernel.read(files);
        List<LoadedLivepatch> livepatches = new Livepatches(files).all();
        List<FunctionState> functions = functions(files, livepatches);
        Store.Contents installed =
                kernel.buildId()
                        .map(build -> new Store(files, kernel.release(), build).contents())
                        .orElse(new Store.Contents.Unknown("which build runs here is not known"));
        return new HostState(
                kernel, livepatches, functions, cves(kernel, livepatches, functions), installed);
    }

    private record Key(String object, String name, int sympos) implements Comparable<Key> {
        @Override
        public int compareTo(Key other) {
            // vmlinux first, as everywhere.
            int vmlinux =
                    Boolean.compare(
                            !object.equals(ShippedCode.VMLINUX),
                            !other.object.equals(ShippedCode.VMLINUX));
            int order = vmlinux != 0 ? vmlinux : object.compareTo(other.object);
            order = order != 0 ? order : name.compareTo(other.name);
            return order != 0 ? order : Integer.compare(sympos, other.sympos);
        }
    }

    private static List<FunctionState> functions(
            HostFiles files, List<LoadedLivepatch> livepatches) {
        Map<Key, List<LoadedLivepatch>> by = new TreeMap<>();
        for (LoadedLivepatch livepatch : livepatches) {
            for (LoadedObject object : livepatch.objects()) {
                for (LoadedFunction function : object.functions()) {
                    Key key = new Key(object.name(), function.name(), function.sympos());
                    by.computeIfAbsent(key, k -> new ArrayList<>()).add(livepatch);
                }
            }
        }
        List<FunctionState> states = new ArrayList<>();
        by.forEach((key, those) ->
                states.add(
                        new FunctionState(
                                key.object(),
                                key.name(),
                                key.sympos(),
                                running(files, key.object(), those),
                                those.stream().map(LoadedLivepatch::name).toList())));
        return states;
    }

    private static Running running(HostFiles files, String object, List<LoadedLivepatch> by) {
        boolean gone =
                !object.equals(ShippedCode.VMLINUX) && files.isAbsent("/sys/module/" + object);
        if (gone) {
            return Running.NOT_LOADED;
        }
        if (by.stream().anyMatch(LoadedLivepatch::inTransition)) {
            return Running.IN_TRANSITION;
        }
        LoadedLivepatch top = by.getLast();
        return top.enabled() && isPatched(top, object) ? Running.PATCHED : Running.ORIGINAL;
    }

    private static boolean isPatched(LoadedLivepatch livepatch, String object) {
        return livepatch.objects().stream().anyMatch(o -> o.name().equals(object) && o.patched());
    }

    private static Map<String, CveState> cves(
            RunningKernel kernel,
            List<LoadedLivepatch> livepatches,
            List<FunctionState> functions) {
        Map<String, CveState> states = new LinkedHashMap<>();
        for (LoadedLivepatch livepatch : livepatches) {
            Optional<Manifest> manifest = livepatch.manifest();
            if (manifest.isPresent()) {
                CveState state = state(kernel, livepatch, manifest.get(), functions);
                for (String cve : manifest.get().cves()) {
                    states.merge(cve, ofOne(state, manifest.get(), cve), HostState::better);
                }
            }
        }
        return states;
    }

    /** What is made of a backlog says of each CVE whether a person should look at its fix. */
    private static CveState ofOne(CveState whole, Manifest manifest, String cve) {
        boolean closed =
                whole.closed() == Closed.CLOSED || whole.closed() == Closed.CLOSED_UNREVIEWED;
        if (!closed || manifest.level().isEmpty()) {
            return whole;
        }
        return manifest.level().get().unreviewed().contains(cve)
                ? new CveState(
                        Closed.CLOSED_UNREVIEWED,
                        whole.livepatch(),
                        "the backlog's report says what of its fix a person should look at")
                : new CveState(Closed.CLOSED, whole.livepatch(), "");
    }

    /** What the topmost livepatch that was made of a backlog says of itself. */
    Optional<Manifest.Level> level() {
        return livepatches.reversed().stream()
                .filter(LoadedLivepatch::enabled)
                .flatMap(l -> l.manifest().stream())
                .flatMap(m -> m.level().stream())
                .findFirst();
    }

    /** How many of the exposed CVEs of a level are done with, as this machine is now. */
    long done(Manifest.Level level) {
        return level.notAffected().size()
                + cves.values().stream()
                        .filter(c ->
                                c.closed() == Closed.CLOSED
                                        || c.closed() == Closed.CLOSED_UNREVIEWED)
                        .count();
    }

    /** A CVE that two livepatches close is as closed as the better of them closes it. */
    private static CveState better(CveState one, CveState other) {
        return other.closed().compareTo(one.closed()) <= 0 ? other : one;
    }

    private static CveState state(
            RunningKernel kernel,
            LoadedLivepatch livepatch,
            Manifest manifest,
            List<FunctionState> functions) {
        String name = livepatch.name();
        if (kernel.buildId().isEmpty()) {
            return new CveState(
                    Closed.UNKNOWN, name, "the running kernel's build id cannot be read");
        }
        if (!kernel.buildId().get().equals(manifest.kernel().buildId())) {
            return new CveState(
                    Closed.UNKNOWN, name, "the livepatch is for another build of this kernel");
        }
        if (livepatch.inTransition()) {
            return new CveState(
                    Closed.PENDING,
                    name,
                    livepatch.enabled()
                            ? "tasks are still moving to it"
                            : "tasks are moving away from it");
        }
        List<String> open = new ArrayList<>();
        int listed = 0;
        for (Manifest.TargetObject object : manifest.objects()) {
            for (Manifest.PatchedFunction function : object.functions()) {
                listed++;
                Optional<FunctionState> found = find(functions, object.name(), function);
                boolean holds =
                        found.filter(f -> f.top().equals(name))
                                .filter(f ->
                                        f.running() == Running.PATCHED
                                                || f.running() == Running.NOT_LOADED)
                                .isPresent();
                if (!holds) {
                    open.add(function.name());
                }
            }
        }
        if (!open.isEmpty() || listed == 0 || !livepatch.enabled()) {
            return new CveState(
                    Closed.PARTLY,
                    name,
                    open.size()
                            + " of its "
                            + listed
                            + " functions are not in force"
                            + (open.isEmpty() ? "" : ": " + String.join(", ", open)));
        }
        return manifest.warnings().isEmpty()
                ? new CveState(Closed.CLOSED, name, "")
                : new CveState(
                        Closed.CLOSED_UNREVIEWED,
                        name,
                        "its manifest has " + manifest.warnings().size() + " warnings to judge");
    }

    private static Optional<FunctionState> find(
            List<FunctionState> functions, String object, Manifest.PatchedFunction function) {
        int sympos = Math.max(1, function.sympos());
        return functions.stream()
                .filter(f -> f.object().equals(object))
                .filter(f -> f.name().equals(function.name()) && f.sympos() == sympos)
                .findFirst();
    }

    /** The livepatch that was loaded under a name. */
    Optional<LoadedLivepatch> livepatch(String name) {
        return livepatches.stream().filter(l -> l.name().equals(name)).findFirst();
    }
}
