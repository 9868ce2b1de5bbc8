package dev.rebootless.host.agent;

import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.host.files.HostFiles;
import dev.rebootless.host.files.JsonObject;
import dev.rebootless.host.files.Reading;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What a report says of this machine (docs/contract-fleet.md, "Facts"): each null where it cannot
 * be read. Nothing in it changes by itself, so that a machine at rest reports the same bytes.
 */
final class Facts {
    /** As long as a kernel's command line may be on any architecture (COMMAND_LINE_SIZE). */
    private static final int MAX_TEXT = 4_096;

    private static final int MAX_MODULES = 4_096;
    private static final int MAX_REASONS = 256;

    private final HostFiles files;
    private final LivepatchHost host;
    private final List<String> unknown = new ArrayList<>();

    Facts(HostFiles files, LivepatchHost host) {
        this.files = files;
        this.host = host;
    }

    /** Why something could not be told, in lines for people. */
    List<String> unknown() {
        return List.copyOf(unknown);
    }

    /** The id of this boot (random(4)). */
    static Optional<String> bootId(HostFiles files) {
        return files.read("/proc/sys/kernel/random/boot_id")
                .known()
                .filter(id -> id.matches("[0-9a-f-]{1,64}"));
    }

    /** When this boot began, as the kernel reckons it now: it moves when the clock is set. */
    static Optional<Instant> bootTime(HostFiles files) {
        return files.read("/proc/stat").known().stream()
                .flatMap(String::lines)
                .filter(line -> line.matches("btime [0-9]{1,11}"))
                .map(line -> Instant.ofEpochSecond(Long.parseLong(line.substring(6))))
                .findFirst();
    }

    /**
     * All of them.
     *
     * @param version of Rebootless
     * @param bootTime of this boot, the same in all its reports
     */
    Map<String, @Nullable Object> all(
            String version, Optional<Instant> bootTime, NextBoot next, Optional<String> nextBuild) {
        AgentJson facts = AgentJson.object();
        facts.put("hostname", text("/proc/sys/kernel/hostname"))
                .put("os", prettyName().orElse(null))
                .put("agent", version);
        LivepatchHost.@Nullable Kernel kernel = told("kernel", host::kernel);
        facts.put("release", kernel == null ? null : kernel.release())
                .put("buildId", kernel == null ? null : kernel.buildId().orElse(null))
                .put("packageVersion", kernel == null ? null : kernel.packageVersion().orElse(null))
                .put("bootId", bootId(files).orElse(null))
                .put("bootTime", bootTime.map(Instant::toString).orElse(null))
                .put("modules", modules().orElse(null));
        Map<String, Object> status = status();
        for (String field : List.of("livepatches", "functions", "cves", "installed")) {
            facts.put(field, status.get(field));
        }
        facts.put("secureBoot", SecurityFacts.secureBoot(files).orElse(null))
                .put("lockdown", SecurityFacts.lockdown(files).orElse(null))
                .put("taint", SecurityFacts.taint(files).orElse(null))
                .put("commandLine", text("/proc/cmdline"))
                .put("sysctls", SecurityFacts.sysctls(files))
                .put("selinux", SecurityFacts.selinux(files).orElse(null))
                .put("apparmor", SecurityFacts.apparmor(files).orElse(null));
        packages(facts);
        facts.put("nextBoot", nextBoot(next, nextBuild));
        reboot(facts);
        return facts.map();
    }

    private @Nullable Object nextBoot(NextBoot next, Optional<String> buildId) {
        return switch (next) {
            case NextBoot.Known(String release, String why) ->
                    AgentJson.object()
                            .put("release", release)
                            .put("why", shortened(why))
                            .put("buildId", buildId.orElse(null))
                            .map();
            case NextBoot.Unknown(String why) -> {
                unknown.add("next boot: " + why);
                yield null;
            }
        };
    }

    private void packages(AgentJson facts) {
        Optional<InstalledPackages> packages = Optional.empty();
        try {
            packages = Optional.of(InstalledPackages.read(files));
        } catch (IOException e) {
            unknown.add("packages: " + InstalledPackages.STATUS + ": " + FileFaults.reason(e));
        }
        facts.put(
                "kernelPackages",
                packages.map(p ->
                                p.kernels().stream()
                                        .map(k ->
                                                AgentJson.object()
                                                        .put("package", k.name())
                                                        .put("version", k.version())
                                                        .put("release", k.release())
                                                        .map())
                                        .toList())
                        .orElse(null));
        facts.put("upgradable", packages.flatMap(this::upgradable).orElse(null));
    }

    private Optional<List<Map<String, @Nullable Object>>> upgradable(InstalledPackages packages) {
        try {
            return Optional.of(
                    UpgradablePackages.read(files, packages).stream()
                            .limit(UpgradablePackages.MAX_REPORTED)
                            .map(u ->
                                    AgentJson.object()
                                            .put("package", u.name())
                                            .put("installed", u.installed())
                                            .put("candidate", u.candidate())
                                            .put("suite", u.suite())
                                            .map())
                            .toList());
        } catch (IOException e) {
            unknown.add("upgradable packages: " + FileFaults.reason(e));
            return Optional.empty();
        }
    }

    /** update-notifier's and Debian's packages leave these files (reboot-notifier(8)). */
    private void reboot(AgentJson facts) {
        boolean required = files.exists("/run/reboot-required");
        boolean known = required || files.isAbsent("/run/reboot-required");
        facts.put("rebootRequired", known ? required : null);
        facts.put(
                "rebootRequiredBy",
                switch (files.read("/run/reboot-required.pkgs")) {
                    case Reading.Text(String text) ->
                            new TreeSet<>(
                                            text.lines()
                                                    .map(String::strip)
                                                    .filter(l ->
                                                            l.matches("[a-z0-9][a-z0-9+.-]{1,127}"))
                                                    .limit(MAX_REASONS)
                                                    .toList())
                                    .stream().toList();
                    case Reading.Absent _ -> List.of();
                    case Reading.Unreadable _ -> null;
                });
    }

    private Map<String, Object> status() {
        String json = told("livepatches", host::status);
        if (json == null) {
            return Map.of();
        }
        try {
            return JsonObject.parse(json);
        } catch (JsonObject.NoneException e) {
            throw new IllegalStateException("status --json is no JSON", e);
        }
    }

    private Optional<List<String>> modules() {
        return files.read("/proc/modules")
                .known()
                .map(text ->
                        text.lines()
                                .map(line -> line.split("\\s", 2)[0])
                                .filter(name -> name.matches("[A-Za-z0-9_]{1,64}"))
                                .distinct()
                                .sorted()
                                .limit(MAX_MODULES)
                                .toList());
    }

    /** os-release(5). */
    private Optional<String> prettyName() {
        return Optional.<String>empty()
                .or(() -> files.read("/etc/os-release").known())
                .or(() -> files.read("/usr/lib/os-release").known())
                .flatMap(text ->
                        text.lines()
                                .filter(line -> line.startsWith("PRETTY_NAME="))
                                .map(line -> line.substring("PRETTY_NAME=".length()))
                                .map(value -> value.strip().replaceAll("^([\"'])(.*)\\1$", "$2"))
                                .filter(value -> !value.isEmpty())
                                .map(Facts::shortened)
                                .findFirst());
    }

    private @Nullable String text(String file) {
        return files.read(file).known().map(Facts::shortened).orElse(null);
    }

    private static String shortened(String text) {
        return text.length() <= MAX_TEXT ? text : text.substring(0, MAX_TEXT);
    }

    /** Null where the host's commands cannot tell. */
    private <T> @Nullable T told(String what, java.util.function.Supplier<T> asked) {
        try {
            return asked.get();
        } catch (RebootlessException e) {
            unknown.add(what + ": " + e.problems().getFirst().message());
            return null;
        }
    }

    /** The fields in the order in which a report that is too long does without them. */
    static final List<String> LEAST_NEEDED =
            List.of("upgradable", "functions", "modules", "livepatches", "cves");

    /**
     * A report that fits.
     *
     * @param most bytes
     * @param body makes the message of facts
     * @return the message, without as many of {@link #LEAST_NEEDED} as must be
     */
    byte[] fitting(
            Map<String, @Nullable Object> facts,
            int most,
            Function<Map<String, @Nullable Object>, byte[]> body) {
        Map<String, @Nullable Object> less = new LinkedHashMap<>(facts);
        byte[] bytes = body.apply(less);
        for (String field : LEAST_NEEDED) {
            if (bytes.length <= most) {
                break;
            }
            less.put(field, null);
            unknown.add(
                    field + ": left out, for the report would be longer than " + most + " bytes");
            bytes = body.apply(less);
        }
        return bytes;
    }
}
