package dev.rebootless.source.kit;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.kernel.DebianVersion;
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
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What the apt sources of this machine serve, as its package lists say. Nothing is installed, and
 * no right beyond a normal user's is needed.
 */
final class AptPackages implements PackageSource {
    private static final Duration LOOKUP = Duration.ofMinutes(2);

    /** 140 MB over a line of 100 kB/s. */
    private static final Duration DOWNLOAD = Duration.ofMinutes(30);

    /** The lists of a suite have 10 MB. */
    private static final Duration UPDATE = Duration.ofMinutes(10);

    /** Names asked for in one call; keeps the command line far under the kernel's limit. */
    private static final int NAMES_PER_CALL = 500;

    /** {@code Inst gcc-14 (14.2.0-19 Debian:13.8/stable [amd64])}, of {@code apt-get -s}. */
    private static final Pattern INSTALLED =
            Pattern.compile("Inst ([a-z0-9][a-z0-9+.-]{1,200}) \\(([A-Za-z0-9.+~:-]{1,256}) .*");

    private final String name;
    private final Optional<Path> configuration;

    /** Of every call. */
    private final List<String> options;

    private final Optional<AptAnswers> answers;

    /** Asking takes apt a second, and the lists do not change while a command runs. */
    private final Map<String, NavigableSet<String>> namesByPrefix = new ConcurrentHashMap<>();

    private AptPackages(
            String name,
            Optional<Path> configuration,
            List<String> options,
            Optional<AptAnswers> answers) {
        this.name = name;
        this.configuration = configuration;
        this.options = List.copyOf(options);
        this.answers = answers;
    }

    /** The machine's own apt. */
    static AptPackages system() {
        return new AptPackages("apt", Optional.empty(), List.of(), Optional.empty());
    }

    /**
     * The machine's own apt, whose answers are kept until something that it reads changes.
     *
     * @param folder of the cache
     */
    static AptPackages system(Path folder) {
        // With a configuration of the user's own it may read other files.
        boolean usual = System.getenv("APT_CONFIG") == null;
        return new AptPackages(
                "apt",
                Optional.empty(),
                List.of(),
                usual ? Optional.of(new AptAnswers(folder)) : Optional.empty());
    }

    /** apt with a configuration file of its own (apt.conf(5), APT_CONFIG). */
    static AptPackages configured(Path configuration) {
        return new AptPackages("apt", Optional.of(configuration), List.of(), Optional.empty());
    }

    /**
     * apt with sources and state of its own.
     *
     * @param name for messages
     * @param options that lead it there (apt.conf(5)), for every call
     */
    static AptPackages withOptions(String name, List<String> options) {
        return new AptPackages(name, Optional.empty(), options, Optional.empty());
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
            for (var stanza : ControlStanzas.parse(ask(command), "apt-cache show")) {
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
        NavigableSet<String> names = new TreeSet<>();
        ask(List.of("apt-cache", "pkgnames", "--", prefix))
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
        Subprocess.Result result = download(List.of(wanted), folder);
        try (Stream<Path> files = Files.list(folder)) {
            Optional<Path> file = files.filter(f -> f.toString().endsWith(".deb")).findFirst();
            if (result.ok() && file.isPresent()) {
                return file.get();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        throw notFetched(wanted.spec(), folder, result);
    }

    /**
     * Brings several packages at once: starting apt for each takes longer than to fetch most of
     * them.
     *
     * @throws RebootlessException {@code RBL-DOWNLOAD} (exit status 5)
     */
    void fetchAll(List<PackageRecord> wanted, Path folder) {
        Subprocess.Result result = download(wanted, folder);
        if (!result.ok()) {
            throw notFetched(wanted.getFirst().spec() + " and others", folder, result);
        }
    }

    private Subprocess.Result download(List<PackageRecord> wanted, Path folder) {
        List<String> command =
                new ArrayList<>(
                        List.of("apt-get", "--quiet=2", "-o", "Acquire::Retries=3", "download"));
        wanted.forEach(p -> command.add(p.spec()));
        return apt(command).in(folder).deadline(DOWNLOAD).run();
    }

    private static RebootlessException notFetched(
            String what, Path folder, Subprocess.Result result) {
        if (result.all().contains("No space left on device")) {
            return Disk.full(folder.toString());
        }
        return RebootlessException.environment(
                "RBL-DOWNLOAD",
                what,
                "could not be downloaded: " + lastLine(result.all()),
                "see whether this machine reaches its apt sources, run `apt-get update`, and try again; or give the .deb files with --from");
    }

    /**
     * What apt would install for these on a machine that has nothing: with all that they depend on.
     *
     * @param wanted names, or {@code name=version}
     * @throws RebootlessException {@code RBL-TOOLCHAIN} (exit status 5) when there is no such
     *     package, or one that it needs
     */
    List<PackageRecord> closure(List<String> wanted) {
        List<String> command =
                new ArrayList<>(
                        List.of("apt-get", "--quiet=2", "--simulate", "--no-install-recommends"));
        command.addAll(List.of("install", "--"));
        command.addAll(wanted);
        Subprocess.Result result = apt(command).deadline(LOOKUP).run();
        Map<String, DebianVersion> installed = new TreeMap<>();
        for (String line : result.out().lines().toList()) {
            Matcher matcher = INSTALLED.matcher(line);
            if (matcher.matches()) {
                installed.put(matcher.group(1), new DebianVersion(matcher.group(2)));
            }
        }
        List<PackageRecord> found =
                versions(installed.keySet()).stream()
                        .filter(p -> p.version().equals(installed.get(p.name())))
                        .toList();
        // One version of one name can be in two lists, as the same file.
        Map<String, PackageRecord> byName = new TreeMap<>();
        found.forEach(p -> byName.putIfAbsent(p.name(), p));
        if (!result.ok() || installed.isEmpty() || !byName.keySet().equals(installed.keySet())) {
            throw RebootlessException.environment(
                    "RBL-TOOLCHAIN",
                    String.join(" ", wanted),
                    describe() + " does not have all of it: " + lastLine(result.all()).strip(),
                    "take a newer build of the kernel, or see that the suite is the one that built it");
        }
        return List.copyOf(byName.values());
    }

    /**
     * Brings the package lists up to date.
     *
     * @return what apt said when it could not; empty when it could
     */
    Optional<String> update() {
        Subprocess.Result result =
                apt(List.of(
                                "apt-get",
                                "--quiet=2",
                                "-o",
                                "APT::Update::Error-Mode=any",
                                // Without a network the lists that are there will do.
                                "-o",
                                "Acquire::Retries=1",
                                "-o",
                                "Acquire::http::Timeout=20",
                                "update"))
                        .deadline(UPDATE)
                        .run();
        return result.ok() ? Optional.empty() : Optional.of(lastLine(result.all()).strip());
    }

    private static String lastLine(String output) {
        return output.lines().filter(l -> l.startsWith("E:")).reduce((a, b) -> b).orElse(output);
    }

    private String ask(List<String> command) {
        return answers.map(a -> a.of(command, () -> output(command)))
                .orElseGet(() -> output(command));
    }

    private String output(List<String> command) {
        return apt(command).deadline(LOOKUP).run().out();
    }

    private Subprocess apt(List<String> command) {
        List<String> words = new ArrayList<>(List.of(command.getFirst()));
        words.addAll(options);
        words.addAll(command.subList(1, command.size()));
        Subprocess process = Subprocess.of(words);
        return configuration.map(c -> process.with("APT_CONFIG", c.toString())).orElse(process);
    }

    @Override
    public String describe() {
        return name;
    }
}
