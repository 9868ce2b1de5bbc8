package dev.rebootless.source.kit;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * What the apt sources of this machine serve, as its package lists say. Nothing is installed, and
 * no right beyond a normal user's is needed.
 */
final class AptPackages implements PackageSource {
    private static final Duration LOOKUP = Duration.ofMinutes(2);

    /** 140 MB over a line of 100 kB/s. */
    private static final Duration DOWNLOAD = Duration.ofMinutes(30);

    /** Names asked for in one call; keeps the command line far under the kernel's limit. */
    private static final int NAMES_PER_CALL = 500;

    private final Optional<Path> configuration;

    /** Asking takes apt a second, and the lists do not change while a command runs. */
    private final Map<String, NavigableSet<String>> namesByPrefix = new ConcurrentHashMap<>();

    private AptPackages(Optional<Path> configuration) {
        this.configuration = configuration;
    }

    /** The machine's own apt. */
    static AptPackages system() {
        return new AptPackages(Optional.empty());
    }

    /** apt with a configuration file of its own (apt.conf(5), APT_CONFIG). */
    static AptPackages configured(Path configuration) {
        return new AptPackages(Optional.of(configuration));
    }

    @Override
    public List<PackageRecord> versions(Collection<String> names) {
        List<PackageRecord> found = new ArrayList<>();
        List<String> asked = List.copyOf(names);
        for (int from = 0; from < asked.size(); from += NAMES_PER_CALL) {
            List<String> command = new ArrayList<>(List.of("apt-cache", "show", "--"));
            command.addAll(asked.subList(from, Math.min(from + NAMES_PER_CALL, asked.size())));
            // It exits with 100 when any of the names is unknown, and prints the others all the
            // same.
            Subprocess.Result result = apt(command).deadline(LOOKUP).run();
            for (var stanza : ControlStanzas.parse(result.out(), "apt-cache show")) {
                PackageRecord.fromApt(stanza)
                        .filter(AptPackages::forThisKernel)
                        .ifPresent(found::add);
            }
        }
        return List.copyOf(found);
    }

    /** Foreign architectures may be enabled as well; kits are made for amd64. */
    private static boolean forThisKernel(PackageRecord found) {
        return found.architecture().equals("amd64") || found.architecture().equals("all");
    }

    @Override
    public NavigableSet<String> names(String prefix) {
        return namesByPrefix.computeIfAbsent(prefix, this::askForNames);
    }

    private NavigableSet<String> askForNames(String prefix) {
        Subprocess.Result result =
                apt(List.of("apt-cache", "pkgnames", "--", prefix)).deadline(LOOKUP).run();
        NavigableSet<String> names = new TreeSet<>();
        result.out()
                .lines()
                .map(String::strip)
                .filter(n -> n.startsWith(prefix))
                .forEach(names::add);
        return Collections.unmodifiableNavigableSet(names);
    }

    /**
     * Refuses to go on where apt has no package lists at all, as on a fresh machine or in a
     * container image.
     */
    void requireLists() {
        if (names("linux-image-").isEmpty()) {
            throw RebootlessException.environment(
                    "RBL-APT-LISTS",
                    "apt",
                    "has no package lists, so no kernel package can be found",
                    "run `apt-get update` as root and try again, or give the .deb files with --from");
        }
    }

    @Override
    public Path fetch(PackageRecord wanted, Path folder) {
        Subprocess.Result result =
                apt(List.of(
                                "apt-get",
                                "--quiet=2",
                                "-o",
                                "Acquire::Retries=3",
                                "download",
                                wanted.spec()))
                        .in(folder)
                        .deadline(DOWNLOAD)
                        .run();
        try (Stream<Path> files = Files.list(folder)) {
            Optional<Path> file = files.filter(f -> f.toString().endsWith(".deb")).findFirst();
            if (result.ok() && file.isPresent()) {
                return file.get();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (result.all().contains("No space left on device")) {
            throw Disk.full(folder.toString());
        }
        throw RebootlessException.environment(
                "RBL-DOWNLOAD",
                wanted.spec(),
                "could not be downloaded: " + lastLine(result.all()),
                "see whether this machine reaches its apt sources, run `apt-get update`, and try again; or give the .deb files with --from");
    }

    private static String lastLine(String output) {
        return output.lines().filter(l -> l.startsWith("E:")).reduce((a, b) -> b).orElse(output);
    }

    private Subprocess apt(List<String> command) {
        Subprocess process = Subprocess.of(command);
        return configuration.map(c -> process.with("APT_CONFIG", c.toString())).orElse(process);
    }

    @Override
    public String describe() {
        return "apt";
    }
}
