package dev.rebootless.source.kit;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.RebootlessException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A suite of Debian, such as {@code trixie}, that need not be the one this machine runs.
 *
 * <p>It is asked by this machine's apt with sources and package lists of its own, in {@code
 * suites/NAME} of the cache. apt believes only what Debian's archive keys have signed, those of the
 * package debian-archive-keyring. Nothing of this machine's apt is read but its settings (such as a
 * proxy), nothing of it is changed, and nothing is installed.
 *
 * @param name a code name
 */
public record DebianSuite(String name) {
    private static final Pattern NAME = Pattern.compile("[a-z]{2,30}");

    /** What {@code +debN} in a release means (https://www.debian.org/releases/). */
    private static final Map<Integer, String> BY_NUMBER =
            Map.of(11, "bullseye", 12, "bookworm", 13, "trixie", 14, "forky", 15, "duke");

    private static final Path KEYRING = Path.of("/usr/share/keyrings/debian-archive-keyring.gpg");

    /** As script/setup does with the machine's own: an archive drops what it replaces. */
    private static final Duration LISTS_STAY_GOOD = Duration.ofDays(1);

    private static final String LISTS = "lists";
    private static final String UPDATED = "updated";

    public DebianSuite {
        if (!NAME.matcher(name).matches()) {
            throw RebootlessException.usage(
                    "RBL-SUITE-NAME",
                    name.length() > 40 ? name.substring(0, 40) + "…" : name,
                    "is no code name of a suite of Debian",
                    "give one such as bookworm or trixie");
        }
    }

    /** By the number in a kernel release: 13 is trixie. */
    static Optional<DebianSuite> numbered(int number) {
        return Optional.ofNullable(BY_NUMBER.get(number)).map(DebianSuite::new);
    }

    /** The lines of sources.list(5). */
    List<String> sources() {
        if (!Files.isReadable(KEYRING)) {
            throw RebootlessException.environment(
                    "RBL-TOOL-MISSING",
                    KEYRING.toString(),
                    "is not installed, and without Debian's keys no package list can be believed",
                    "run as root: apt-get install debian-archive-keyring");
        }
        String signed = "deb [arch=amd64 signed-by=" + KEYRING + "] ";
        return List.of(
                signed + "http://deb.debian.org/debian " + name + " main",
                signed + "http://deb.debian.org/debian " + name + "-updates main",
                signed + "http://deb.debian.org/debian-security " + name + "-security main");
    }

    /**
     * What the suite serves, by package lists of at most a day; by older ones where newer cannot be
     * had.
     *
     * @param cache Rebootless' own folder
     * @throws RebootlessException exit status 5: {@code RBL-SUITE} when there are no lists and none
     *     come; {@code RBL-TOOL-MISSING} without Debian's keys
     */
    AptPackages open(Path cache, Steps steps) {
        return open(cache, steps, sources());
    }

    /** With other lines of sources.list(5). */
    AptPackages open(Path cache, Steps steps, List<String> sources) {
        Path folder = cache.toAbsolutePath().resolve("suites").resolve(name);
        try (KitLock _ =
                KitLock.acquire(
                        cache.toAbsolutePath().resolve("locks/suite-" + name + ".lock"),
                        "the package lists of " + name,
                        steps.progress())) {
            // Without the mark, the first update was interrupted, and lists may be missing.
            Path mark = folder.resolve(UPDATED);
            boolean have =
                    hasLists(folder) && Files.exists(mark) && sources.equals(written(folder));
            if (have && isFresh(mark)) {
                return apt(folder);
            }
            if (!have) {
                AtomicFiles.removeTree(folder);
            }
            prepare(folder, sources);
            Optional<String> failure =
                    steps.timed(
                            "asking " + name + " for its package lists",
                            () -> apt(folder).update());
            if (failure.isEmpty() && hasLists(folder)) {
                AtomicFiles.write(mark, Instant.now() + "\n");
            } else if (have) {
                steps.progress()
                        .step(
                                "going on with the package lists of "
                                        + name
                                        + " that are there: "
                                        + failure.orElse("apt brought none"));
            } else {
                AtomicFiles.removeTree(folder);
                throw RebootlessException.environment(
                        "RBL-SUITE",
                        name,
                        "its package lists cannot be had: " + failure.orElse("apt brought none"),
                        "see that it is a suite that Debian serves, and that this machine reaches http://deb.debian.org (apt's own proxy settings are used)");
            }
            return apt(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Of a mark of the future nothing is known: the clock was set. */
    private static boolean isFresh(Path mark) throws IOException {
        Duration age = Duration.between(Files.getLastModifiedTime(mark).toInstant(), Instant.now());
        return !age.isNegative() && age.compareTo(LISTS_STAY_GOOD) < 0;
    }

    private static List<String> written(Path folder) throws IOException {
        Path file = folder.resolve("sources.list");
        return Files.isRegularFile(file) ? Files.readAllLines(file) : List.of();
    }

    private static boolean hasLists(Path folder) throws IOException {
        if (!Files.isDirectory(folder.resolve(LISTS))) {
            return false;
        }
        try (Stream<Path> files = Files.list(folder.resolve(LISTS))) {
            // Some machines keep them compressed.
            return files.anyMatch(f -> f.getFileName().toString().matches(".*_Packages(\\.\\w+)?"));
        }
    }

    private static void prepare(Path folder, List<String> sources) throws IOException {
        Files.createDirectories(folder.resolve(LISTS + "/partial"));
        Files.createDirectories(folder.resolve("archives/partial"));
        AtomicFiles.write(folder.resolve("sources.list"), String.join("\n", sources) + "\n");
        AtomicFiles.write(folder.resolve("apt.conf"), SETTINGS);
        // No package is installed as far as this apt knows, so it resolves every dependency.
        AtomicFiles.write(folder.resolve("status"), "");
    }

    /**
     * apt.conf(5), read after the machine's own, of which lists can be emptied only here: its hooks
     * would act on its own folders.
     */
    private static final String SETTINGS =
            """
            #clear APT::Update::Pre-Invoke;
            #clear APT::Update::Post-Invoke;
            #clear APT::Update::Post-Invoke-Success;
            #clear APT::Update::Post-Invoke-Stats;
            #clear APT::Architectures;
            #clear Acquire::Languages;
            #clear Acquire::AllowReleaseInfoChange;
            #clear APT::NeverAutoRemove;
            APT::Architecture "amd64";
            APT::Architectures { "amd64"; };
            APT::Default-Release "";
            APT::Get::AllowUnauthenticated "false";
            Acquire::AllowInsecureRepositories "false";
            Acquire::AllowWeakRepositories "false";
            Acquire::AllowDowngradeToInsecureRepositories "false";
            Acquire::AllowReleaseInfoChange "false";
            Acquire::Check-Valid-Until "true";
            Acquire::Languages "none";
            """;

    /** Paths stand on the command line, where no character of them means anything to apt. */
    private AptPackages apt(Path folder) {
        return AptPackages.withOptions(
                "the suite " + name,
                List.of(
                        "--config-file=" + folder.resolve("apt.conf"),
                        "--option=Dir::Etc::sourcelist=" + folder.resolve("sources.list"),
                        "--option=Dir::Etc::sourceparts=/dev/null",
                        "--option=Dir::Etc::preferences=/dev/null",
                        "--option=Dir::Etc::preferencesparts=/dev/null",
                        "--option=Dir::Etc::trusted=/dev/null",
                        "--option=Dir::Etc::trustedparts=/dev/null",
                        "--option=Dir::State=" + folder,
                        "--option=Dir::State::lists=" + folder.resolve(LISTS),
                        "--option=Dir::State::status=" + folder.resolve("status"),
                        "--option=Dir::Cache=" + folder,
                        "--option=Dir::Cache::archives=" + folder.resolve("archives"),
                        "--option=Dir::Cache::pkgcache=" + folder.resolve("pkgcache.bin"),
                        "--option=Dir::Cache::srcpkgcache=" + folder.resolve("srcpkgcache.bin")));
    }

    @Override
    public String toString() {
        return name;
    }
}
