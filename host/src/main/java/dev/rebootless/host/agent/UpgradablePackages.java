package dev.rebootless.host.agent;

import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.agent.InstalledPackages.Installed;
import dev.rebootless.host.files.HostFiles;
import dev.rebootless.kernel.DebianVersion;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;

/**
 * What {@code apt list --upgradable} would say, read from apt's own lists ({@code
 * /var/lib/apt/lists}): no process of apt's, no lock, no network. Suites that are not automatic
 * (apt_preferences(5), "NotAutomatic") count as apt counts them; an administrator's own preferences
 * are not read.
 */
final class UpgradablePackages {
    private static final String LISTS = "/var/lib/apt/lists";

    /** Lists are one for each suite, component and architecture. */
    private static final int MAX_LISTS = 256;

    /** A release file has some 150 kB. */
    private static final Set<String> RELEASE_FIELDS =
            Set.of("Suite", "Codename", "NotAutomatic", "ButAutomaticUpgrades");

    /** A report says of no more than these, by name; a machine years behind has some 500. */
    static final int MAX_REPORTED = 2_000;

    private UpgradablePackages() {}

    /** A package of which a newer version is to be had. */
    record Upgradable(String name, String installed, String candidate, String suite) {}

    /** How likely apt is to take a version of a suite (apt_preferences(5)). */
    private enum Priority {
        /** 1: never over an installed version. */
        NEVER,
        /** 100: only over a version that no automatic suite has. */
        UPGRADES,
        /** 500. */
        AUTOMATIC
    }

    private record Suite(String name, Priority priority) {}

    private record Candidate(DebianVersion version, String suite) {}

    /** What is known of one installed package. */
    private static final class Standing {
        private final Installed installed;
        private final DebianVersion version;
        private boolean automatic;
        private Optional<Candidate> best = Optional.empty();
        private Optional<Candidate> bestUpgrade = Optional.empty();

        Standing(Installed installed, DebianVersion version) {
            this.installed = installed;
            this.version = version;
        }

        void offer(DebianVersion offered, Suite suite) {
            int order = offered.compareTo(version);
            if (order == 0 && suite.priority() == Priority.AUTOMATIC) {
                automatic = true;
            }
            if (order <= 0) {
                return;
            }
            Candidate candidate = new Candidate(offered, suite.name());
            switch (suite.priority()) {
                case AUTOMATIC -> best = Optional.of(newer(best, candidate));
                case UPGRADES -> bestUpgrade = Optional.of(newer(bestUpgrade, candidate));
                case NEVER -> {}
            }
        }

        /** Of two suites with one version, security's is the one that matters. */
        private static Candidate newer(Optional<Candidate> before, Candidate offered) {
            int order = before.map(b -> offered.version().compareTo(b.version())).orElse(1);
            boolean security = order == 0 && offered.suite().endsWith("-security");
            return order > 0 || security ? offered : before.orElse(offered);
        }

        Optional<Upgradable> upgradable() {
            return best.or(() -> automatic ? Optional.empty() : bestUpgrade)
                    .map(c ->
                            new Upgradable(
                                    installed.name(),
                                    installed.version(),
                                    c.version().text(),
                                    c.suite()));
        }
    }

    /**
     * Reads them.
     *
     * @throws IOException with the reason for which it cannot be told what is upgradable
     */
    static List<Upgradable> read(HostFiles files, InstalledPackages packages) throws IOException {
        Map<String, Standing> standings = new HashMap<>();
        for (Installed each : packages.all()) {
            version(each.version())
                    .ifPresent(v ->
                            standings.put(
                                    key(packages, each.name(), each.architecture()),
                                    new Standing(each, v)));
        }
        List<String> names = files.names(LISTS);
        List<String> lists = names.stream().filter(UpgradablePackages::isPackages).toList();
        if (lists.isEmpty()) {
            throw new IOException(LISTS + " has no lists of packages");
        }
        if (lists.size() > MAX_LISTS) {
            throw new IOException(LISTS + " has more than " + MAX_LISTS + " lists");
        }
        Map<String, Suite> suites = new TreeMap<>();
        for (String name : names) {
            if (name.endsWith("InRelease") || name.endsWith("_Release")) {
                String stem = name.substring(0, name.lastIndexOf('_') + 1);
                suites.putIfAbsent(stem, suite(files, LISTS + "/" + name));
            }
        }
        for (String list : lists) {
            read(files, list, suiteOf(list, suites), packages, standings);
        }
        return standings.values().stream()
                .flatMap(s -> s.upgradable().stream())
                .sorted(Comparator.comparing(Upgradable::name).thenComparing(Upgradable::installed))
                .toList();
    }

    /** Sources of source packages and translations are others. */
    private static boolean isPackages(String name) {
        return name.endsWith("_Packages") || name.contains("_Packages.");
    }

    private static String key(InstalledPackages packages, String name, String architecture) {
        // A package may become one for all architectures, or cease to be.
        return name + ":" + (architecture.equals("all") ? packages.architecture() : architecture);
    }

    private static Optional<DebianVersion> version(String text) {
        try {
            return Optional.of(new DebianVersion(text));
        } catch (RebootlessException e) {
            return Optional.empty();
        }
    }

    private static Suite suite(HostFiles files, String file) throws IOException {
        List<Map<String, String>> found = new ArrayList<>();
        try (InputStream in = Files.newInputStream(files.path(file))) {
            ControlFile.read(
                    in,
                    RELEASE_FIELDS,
                    fields -> {
                        found.add(Map.copyOf(fields));
                        return false;
                    });
        }
        Map<String, String> fields = found.isEmpty() ? Map.of() : found.getFirst();
        boolean notAutomatic = "yes".equals(fields.get("NotAutomatic"));
        boolean upgrades = "yes".equals(fields.get("ButAutomaticUpgrades"));
        Priority priority =
                !notAutomatic ? Priority.AUTOMATIC : upgrades ? Priority.UPGRADES : Priority.NEVER;
        String name = fields.getOrDefault("Suite", fields.getOrDefault("Codename", ""));
        return new Suite(name.length() > 100 ? name.substring(0, 100) : name, priority);
    }

    /** The release file whose name is the beginning of the list's. */
    private static Suite suiteOf(String list, Map<String, Suite> suites) {
        Optional<String> stem =
                suites.keySet().stream()
                        .filter(list::startsWith)
                        .max(Comparator.comparingInt(String::length));
        return stem.map(suites::get).orElse(new Suite("", Priority.AUTOMATIC));
    }

    private static void read(
            HostFiles files,
            String list,
            Suite suite,
            InstalledPackages packages,
            Map<String, Standing> standings)
            throws IOException {
        try (InputStream in = open(files, list)) {
            ControlFile.read(
                    in,
                    Set.of("Package", "Version", "Architecture"),
                    fields -> {
                        Standing standing =
                                standings.get(
                                        key(
                                                packages,
                                                fields.getOrDefault("Package", ""),
                                                fields.getOrDefault("Architecture", "")));
                        if (standing != null) {
                            version(fields.getOrDefault("Version", ""))
                                    .ifPresent(v -> standing.offer(v, suite));
                        }
                        return true;
                    });
        } catch (IOException e) {
            throw new IOException(list + ": " + FileFaults.reason(e), e);
        }
    }

    private static InputStream open(HostFiles files, String list) throws IOException {
        if (!list.endsWith("_Packages") && !list.endsWith("_Packages.gz")) {
            // Such as .lz4, as Debian's container images keep them.
            throw new IOException("is compressed in a way that is not read here");
        }
        InputStream in = Files.newInputStream(files.path(LISTS + "/" + list));
        if (!list.endsWith(".gz")) {
            return in;
        }
        try {
            return new GZIPInputStream(in);
        } catch (IOException e) {
            in.close();
            throw e;
        }
    }
}
