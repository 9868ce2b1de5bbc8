package dev.rebootless.host.agent;

import dev.rebootless.host.agent.LivepatchHost.Kept;
import dev.rebootless.host.agent.LivepatchHost.Loaded;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How one kernel build stands on this host, for a decision.
 *
 * @param loaded livepatches of the running kernel; empty for one that does not run
 * @param hashes by name, of loaded ones whose bytes are known
 * @param kept what is installed for the build; empty where that cannot be read
 * @param distrusted why bytes are not loaded here again, by their SHA-256
 * @param last what came of the last order
 */
record View(
        List<Loaded> loaded,
        Map<String, String> hashes,
        Optional<List<Kept>> kept,
        Map<String, String> distrusted,
        Optional<Outcome> last) {
    View {
        loaded = List.copyOf(loaded);
        hashes = Map.copyOf(hashes);
        kept = kept.map(List::copyOf);
        distrusted = Map.copyOf(distrusted);
    }

    /** Of the kernel that runs. */
    static View running(LivepatchHost host, AgentFolder apply, LivepatchHost.Kernel kernel) {
        Journal journal = new Journal(apply);
        List<Loaded> loaded = host.loaded();
        Optional<List<Kept>> kept =
                kernel.buildId().flatMap(build -> host.kept(kernel.release(), build));
        Map<String, String> recorded = journal.loaded(host.bootId());
        Map<String, String> hashes = new HashMap<>();
        for (Loaded each : loaded) {
            // What the agent has not loaded in this boot, the boot has, of what is installed.
            Optional.ofNullable(recorded.get(each.name()))
                    .or(() -> kept.flatMap(k -> hash(k, each.name())))
                    .ifPresent(sha256 -> hashes.put(each.name(), sha256));
        }
        return new View(loaded, hashes, kept, journal.distrusted(), Outcome.in(apply));
    }

    private static Optional<String> hash(List<Kept> kept, String name) {
        return kept.stream()
                .filter(k -> k.name().equals(name) && k.skipped().isEmpty())
                .map(Kept::sha256)
                .findFirst();
    }

    /** Of a kernel that does not run. */
    static View other(LivepatchHost host, AgentFolder apply, NextKernel kernel) {
        return new View(
                List.of(),
                Map.of(),
                host.kept(kernel.release(), kernel.buildId()),
                new Journal(apply).distrusted(),
                Optional.empty());
    }

    Optional<Loaded> loaded(String name) {
        return loaded.stream().filter(l -> l.name().equals(name)).findFirst();
    }

    /** Whether exactly these bytes are loaded. */
    boolean isLoaded(String name, String sha256) {
        return loaded(name).isPresent() && sha256.equals(hashes.get(name));
    }

    /** What is installed under a name. */
    Optional<Kept> kept(String name) {
        return kept.stream().flatMap(List::stream).filter(k -> k.name().equals(name)).findFirst();
    }
}
