package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.build.backlog.Backlog;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * From the oldest cloud kernel that apt serves to the newest source, with the project's own facts.
 */
class BacklogCommandTest {
    private static final String FACTS =
            Cli.root().resolve("demo/cve-facts.json").toAbsolutePath().toString();

    private static Optional<Kit> older = Optional.empty();

    @TempDir private Path folder;

    @BeforeAll
    static void theOldestKernel() {
        Kits kits = new Kits(Kits.userCache(), message -> System.err.println("kit: " + message));
        older = Optional.of(kits.add(kits.oldestCloudRelease(KernelChoice.DEFAULT_LINE)));
    }

    private static Kit kit() {
        return older.orElseThrow();
    }

    private Cli.Result run(String... more) throws Exception {
        List<String> arguments =
                new ArrayList<>(
                        List.of(more[0], "--kernel", KernelChoice.name(kit()), "--feed", FACTS));
        arguments.addAll(List.of(more).subList(1, more.length));
        return new Cli(folder).run(arguments.toArray(String[]::new));
    }

    private List<JsonNode> rows(Cli.Result result, String schema) {
        List<JsonNode> rows = new ArrayList<>();
        result.json(schema).path("cves").forEach(rows::add);
        return rows;
    }

    /** Exposed ones of which the table of facts lists the files. */
    private List<String> listed() throws Exception {
        List<String> ids = new ArrayList<>();
        for (JsonNode row : rows(run("cves", "--exposed", "--json"), "cves")) {
            if (row.path("filesSource").asString("").equals("table of facts")) {
                ids.add(row.path("id").asString(""));
            }
        }
        return ids;
    }

    @Test
    void everyCveOfTheChangelogIsListedOnceWithItsExposureAndWhoSaysSo() throws Exception {
        Cli.Result result = run("cves", "--json");
        assertThat(result.status()).as(result.err()).isZero();
        List<JsonNode> rows = rows(result, "cves");
        assertThat(rows).extracting(r -> r.path("id").asString("")).doesNotHaveDuplicates();
        assertThat(rows.size()).isGreaterThan(100);
        long total = 0;
        for (JsonNode count : result.json("cves").path("totals")) {
            total += count.asLong();
        }
        assertThat(total).isEqualTo(rows.size());
        assertThat(rows).allSatisfy(r -> assertThat(r.path("sources")).isNotEmpty());
        assertThat(rows)
                .extracting(r -> r.path("exposure").asString(""))
                .contains("exposed", "not-built", "unknown");
        // No list of exploited ones was given: nothing is known of that.
        assertThat(rows).allSatisfy(r -> assertThat(r.path("knownExploited").isNull()).isTrue());
    }

    @Test
    void whatIsInModulesThatTheHostHasNotLoadedIsNotExposed() throws Exception {
        Path loaded =
                Files.writeString(folder.resolve("lsmod.txt"), "Module Size Used by\next4 1 0\n");
        List<JsonNode> rows = rows(run("cves", "--json", "--loaded", loaded.toString()), "cves");
        assertThat(rows)
                .filteredOn(r -> r.path("exposure").asString("").equals("not-loaded"))
                .isNotEmpty()
                .allSatisfy(r ->
                        assertThat(r.path("targets"))
                                .noneMatch(t -> t.asString("").matches("vmlinux|ext4")));
    }

    @Test
    void failOnEndsWithItsOwnStatusWhereSomethingIsOpen() throws Exception {
        assertThat(run("cves", "--fail-on", "any").status())
                .isEqualTo(ExitStatus.FAIL_ON_MET.code());
        // Without a feed of scores nothing is known to be critical.
        assertThat(run("cves", "--fail-on", "critical").status()).isZero();
    }

    @Test
    void aCveThatNobodyKnowsIsAnErrorOfTheCommandLine() throws Exception {
        Cli.Result result = run("backlog", "--cve", "CVE-2026-999999999", "--try-only");
        assertThat(result.status()).isEqualTo(ExitStatus.USAGE.code());
        assertThat(result.err()).contains("RBL-CVE-UNKNOWN");
    }

    /** Where no feed says which files a fix changes, whoever has the fix can give it. */
    @Test
    void aFixThatIsGivenByHandClosesItsCve() throws Exception {
        String id =
                rows(run("cves", "--json"), "cves").stream()
                        .filter(r -> r.path("exposure").asString("").equals("unknown"))
                        .map(r -> r.path("id").asString(""))
                        .findFirst()
                        .orElseThrow();
        Path patch = Cli.root().resolve("demo/meminfo-used.patch").toAbsolutePath();
        String out = folder.resolve("out").toString();
        Cli.Result result =
                run(
                        "backlog",
                        "--patch",
                        id + "=" + patch,
                        "--cve",
                        id,
                        "--no-test",
                        "-o",
                        out,
                        "--json");
        assertThat(result.status()).as(result.err()).isZero();
        List<JsonNode> entries = new ArrayList<>();
        for (JsonNode cve : result.json("backlog").path("cves")) {
            if (cve.path("cve").path("id").asString("").equals(id)) {
                entries.add(cve);
            }
        }
        JsonNode entry = entries.getFirst();
        assertThat(entry.path("state").asString("")).isEqualTo("closed");
        assertThat(entry.path("cve").path("files").toString()).contains("fs/proc/meminfo.c");
        assertThat(entry.toString()).contains("the fix was given by hand: " + patch);
        assertThat(Files.readString(folder.resolve("out/livepatch-backlog.json"))).contains(id);
    }

    /** What a title names may be half of a fix. */
    @Test
    void aFixThatIsKnownByItsTitleAloneIsLeftOutOfWhatIsMadeUnasked() throws Exception {
        List<String> ids = new ArrayList<>();
        for (JsonNode row : rows(run("cves", "--exposed", "--compare", "--json"), "cves")) {
            // Of vmlinux, one whose header hundreds of units include takes a minute.
            if (row.path("filesSource").asString("").matches("the title names \\w+\\(\\)")
                    && !row.path("targets").toString().contains("vmlinux")) {
                ids.add(row.path("id").asString(""));
            }
        }
        String some = String.join(",", ids.subList(0, 4));
        Cli.Result result =
                run("backlog", "--cve", some, "--other-line", "none", "--try-only", "--json");
        assertThat(result.status()).as(result.err()).isZero();
        List<JsonNode> built = new ArrayList<>();
        for (JsonNode cve : result.json("backlog").path("cves")) {
            if (!cve.path("functions").isEmpty()) {
                built.add(cve);
            }
        }
        assertThat(built)
                .isNotEmpty()
                .allSatisfy(cve -> {
                    assertThat(cve.path("state").asString("")).isEqualTo("left-out");
                    assertThat(cve.path("why").asString(""))
                            .contains("its files are known from its title only", "--patch ID=FILE");
                });
    }

    @Test
    void aPatchOfNoCveIsAnErrorOfTheCommandLine() throws Exception {
        Path patch = Cli.root().resolve("demo/meminfo-used.patch").toAbsolutePath();
        Cli.Result result = run("backlog", "--patch", patch.toString(), "--try-only");
        assertThat(result.status()).isEqualTo(ExitStatus.USAGE.code());
        assertThat(result.err()).contains("nothing says which CVEs it closes");
    }

    @Test
    void fixesAreTriedKeptBuiltTogetherAndReviewed() throws Exception {
        List<String> ids = listed();
        assertThat(ids.size()).isGreaterThan(3);
        Path outcomes = BacklogCommand.work(kit()).resolve("outcomes");
        for (String id : ids) {
            Files.deleteIfExists(outcomes.resolve(id + ".json"));
        }
        Path reviews = Backlog.reviewsOf(kit());
        Optional<byte[]> before =
                Files.exists(reviews) ? Optional.of(Files.readAllBytes(reviews)) : Optional.empty();
        try {
            triedKeptBuiltReviewed(outcomes, reviews);
        } finally {
            if (before.isPresent()) {
                Files.write(reviews, before.get());
            } else {
                Files.deleteIfExists(reviews);
            }
        }
    }

    private void triedKeptBuiltReviewed(Path outcomes, Path reviews) throws Exception {
        String out = folder.resolve("out").toString();
        String[] some = {
            "backlog",
            "--listed-files",
            "--sample",
            "8",
            "--seed",
            "7",
            "--include-unreviewed",
            "--other-line",
            "none",
            "--no-test",
            "-o",
            out,
            "--json"
        };
        Map<Path, FileTime> before = killedHalfWay(outcomes, some);
        Cli.Result first = run(some);
        assertThat(times(outcomes)).containsAllEntriesOf(before);
        assertThat(first.status()).as(first.err()).isZero();
        JsonNode report = first.json("backlog");
        List<String> closed = new ArrayList<>();
        for (JsonNode cve : report.path("cves")) {
            if (cve.path("state").asString("").startsWith("closed")) {
                closed.add(cve.path("cve").path("id").asString(""));
                assertThat(cve.path("functions")).isNotEmpty();
            }
        }
        assertThat(closed).isNotEmpty();
        assertThat(folder.resolve("out"))
                .isDirectoryContaining("glob:**/livepatch-backlog.ko")
                .isDirectoryContaining("glob:**/backlog.html")
                .isDirectoryContaining("glob:**/backlog.txt");
        String page = Files.readString(folder.resolve("out/backlog.html"));
        assertThat(page).contains(closed.getFirst()).doesNotContain("<script");
        String module = Files.readString(folder.resolve("out/livepatch-backlog.json"));
        assertThat(Cli.schemaErrors("module-file", module)).isEmpty();
        assertThat(module).contains("\"level\"", "\"status\" : \"unproven\"");

        // What was tried is not tried again: the same files, with the same times.
        Path kept = outcomes.resolve(closed.getFirst() + ".json");
        Object time = Files.getLastModifiedTime(kept);
        assertThat(run(some).status()).isZero();
        assertThat(Files.getLastModifiedTime(kept)).isEqualTo(time);

        Cli.Result explained = run("explain", closed.getFirst());
        assertThat(explained.status()).as(explained.err()).isZero();
        assertThat(explained.out())
                .contains(closed.getFirst(), "replaces ", "in vmlinux", "table of facts");
        assertThat(Files.getLastModifiedTime(kept)).isEqualTo(time);

        // A reviewer's no is respected by the next run.
        String id = closed.getFirst();
        assertThat(run("backlog", "--reject", id, "-o", out).status()).isZero();
        assertThat(Files.readString(reviews)).contains(id);
        Cli.Result after =
                run(
                        "backlog",
                        "--cve",
                        id,
                        "--include-unreviewed",
                        "--no-test",
                        "-o",
                        out,
                        "--json");
        assertThat(after.status()).isEqualTo(ExitStatus.UNCHANGED.code());
        assertThat(after.out()).contains("a reviewer said no");

        // And the same modules come out of the same inputs.
        assertThat(run("backlog", "--accept", id, "-o", out).status()).isZero();
        assertThat(run("backlog", "--cve", id, "--no-test", "-o", out).status()).isZero();
        Cli.Result rebuilt = new Cli(folder).run("rebuild", out + "/livepatch-backlog.ko");
        assertThat(rebuilt.status()).as(rebuilt.out() + rebuilt.err()).isZero();
    }

    /**
     * Kills a run without warning once it has kept something; what was kept then, with its times.
     */
    private Map<Path, FileTime> killedHalfWay(Path outcomes, String[] arguments) throws Exception {
        Map<Path, FileTime> before = times(outcomes);
        List<String> all = new ArrayList<>(List.of(arguments));
        all.addAll(1, List.of("--kernel", KernelChoice.name(kit()), "--feed", FACTS));
        Process process = new Cli(folder).start(all.toArray(String[]::new));
        try {
            long end = System.nanoTime() + Duration.ofMinutes(5).toNanos();
            while (times(outcomes).size() < before.size() + 2) {
                assertThat(process.isAlive()).isTrue();
                assertThat(System.nanoTime()).isLessThan(end);
                Thread.sleep(20);
            }
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(process.exitValue()).isNotZero();
        assertThat(folder.resolve("out")).doesNotExist();
        Map<Path, FileTime> after = times(outcomes);
        assertThat(after).hasSizeGreaterThan(before.size());
        return after;
    }

    private static Map<Path, FileTime> times(Path outcomes) throws IOException {
        if (!Files.isDirectory(outcomes)) {
            return Map.of();
        }
        Map<Path, FileTime> times = new TreeMap<>();
        try (Stream<Path> files = Files.list(outcomes)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".json")).toList()) {
                times.put(file, Files.getLastModifiedTime(file));
            }
        }
        return times;
    }
}
