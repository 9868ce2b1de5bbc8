package dev.rebootless.host.agent;

import dev.rebootless.host.files.HostFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The packages that dpkg has installed ({@code /var/lib/dpkg/status}, dpkg-query(1)). */
final class InstalledPackages {
    static final String STATUS = "/var/lib/dpkg/status";

    /** More than all of Debian's that can be installed side by side. */
    private static final int MAX_PACKAGES = 50_000;

    /** Debian Policy 5.6.1 and 5.6.8; an architecture as dpkg-architecture(1) names it. */
    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9+.-]{1,127}");

    private static final Pattern ARCHITECTURE = Pattern.compile("[a-z0-9][a-z0-9-]{1,31}");

    /** {@code linux-image-RELEASE}, and on Debian {@code -unsigned} behind it. */
    private static final Pattern IMAGE =
            Pattern.compile(
                    "linux-image-(?:unsigned-)?([0-9][A-Za-z0-9._+~-]{0,63}?)(?:-unsigned)?");

    private final List<Installed> all;

    private InstalledPackages(List<Installed> all) {
        this.all = List.copyOf(all);
    }

    /** One of them. */
    record Installed(String name, String architecture, String version) {}

    /** A package with a kernel. */
    record Kernel(String name, String version, String release) {}

    /**
     * Reads dpkg's list.
     *
     * @throws IOException when it cannot be read, or is larger than any
     */
    static InstalledPackages read(HostFiles files) throws IOException {
        List<Installed> all = new ArrayList<>();
        try (InputStream in = Files.newInputStream(files.path(STATUS))) {
            ControlFile.read(
                    in,
                    Set.of("Package", "Status", "Architecture", "Version"),
                    fields -> {
                        // "want flag status": dpkg-query(1).
                        if (fields.getOrDefault("Status", "").endsWith(" installed")
                                && isNamed(fields)) {
                            all.add(
                                    new Installed(
                                            fields.getOrDefault("Package", ""),
                                            fields.getOrDefault("Architecture", ""),
                                            fields.getOrDefault("Version", "")));
                        }
                        if (all.size() > MAX_PACKAGES) {
                            throw new IOException("names more than " + MAX_PACKAGES + " packages");
                        }
                        return true;
                    });
        }
        return new InstalledPackages(all);
    }

    private static boolean isNamed(Map<String, String> fields) {
        return NAME.matcher(fields.getOrDefault("Package", "")).matches()
                && ARCHITECTURE.matcher(fields.getOrDefault("Architecture", "")).matches()
                && !fields.getOrDefault("Version", "").isEmpty();
    }

    List<Installed> all() {
        return all;
    }

    /** The architecture of this machine's dpkg: that of dpkg itself. */
    String architecture() {
        return all.stream()
                .filter(p -> p.name().equals("dpkg"))
                .map(Installed::architecture)
                .findFirst()
                .orElse("amd64");
    }

    /** Those that bring a kernel, sorted by name. */
    List<Kernel> kernels() {
        List<Kernel> kernels = new ArrayList<>();
        for (Installed each : all) {
            Matcher image = IMAGE.matcher(each.name());
            // linux-image-6.1.0-47-amd64-dbg has no kernel to boot.
            if (image.matches() && !each.name().endsWith("-dbg")) {
                kernels.add(new Kernel(each.name(), each.version(), image.group(1)));
            }
        }
        kernels.sort(java.util.Comparator.comparing(Kernel::name));
        return List.copyOf(kernels);
    }
}
