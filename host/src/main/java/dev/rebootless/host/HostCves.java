package dev.rebootless.host;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.files.HostFiles;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What this machine says of CVEs: which modules are loaded, and how far its livepatches close what.
 *
 * @param modules as {@code /proc/modules} names them; empty where that cannot be read
 * @param states by CVE, of those that a livepatch of ours names
 */
public record HostCves(Optional<Set<String>> modules, Map<String, State> states) {
    /** On no host, or on one that runs another kernel. */
    public static final HostCves NONE = new HostCves(Optional.empty(), Map.of());

    public HostCves {
        modules = modules.map(Set::copyOf);
        states = Collections.unmodifiableMap(new TreeMap<>(states));
    }

    /**
     * How far a CVE is closed.
     *
     * @param word {@code closed}, {@code closed-unreviewed}, {@code pending}, {@code partly} or
     *     {@code unknown}
     * @param livepatch that closes it
     */
    public record State(String word, String livepatch) {}

    /** This machine's, if it runs the kernel build; otherwise {@link #NONE}. */
    public static HostCves of(HostFiles files, String buildId) {
        try {
            if (!RunningKernel.read(files).buildId().equals(Optional.of(buildId))) {
                return NONE;
            }
        } catch (RebootlessException e) {
            // Where even /proc is not there, no kernel of Debian's runs.
            return NONE;
        }
        HostState state = HostState.read(files);
        Map<String, State> states = new TreeMap<>();
        state.cves()
                .forEach((cve, s) -> states.put(cve, new State(s.closed().word(), s.livepatch())));
        return new HostCves(files.read("/proc/modules").known().map(HostCves::names), states);
    }

    /** The first word of each line, as proc(5) and lsmod(8) have it. */
    public static Set<String> names(String lines) {
        Set<String> names = new TreeSet<>();
        lines.lines()
                .map(line -> line.split("\\s", 2)[0])
                .filter(word -> word.matches("[A-Za-z0-9_]+"))
                .forEach(names::add);
        return names;
    }
}
