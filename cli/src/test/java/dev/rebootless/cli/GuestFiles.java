package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.Subprocess;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.Kits;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * What a {@link HostGuest} finds below {@code /opt}: the host's package, and livepatches for its
 * kernel.
 */
final class GuestFiles {
    private final String line;
    private final Path folder;
    private final Kit kit;
    private final Path files;

    /**
     * Makes the package, and the kit of the newest cloud kernel where it is not there yet.
     *
     * @param line of kernels, such as 6.1
     * @param folder for all that a guest needs
     */
    GuestFiles(String line, Path folder) throws Exception {
        this.line = line;
        this.folder = folder;
        this.kit = newestKit(line);
        this.files = Files.createDirectories(folder.resolve("files"));
        HostPackage.make(files);
    }

    /** Of the guest's kernel, hexadecimal. */
    String buildId() {
        return kit.facts().buildId();
    }

    /** The folder that becomes {@code /opt}. */
    Path folder() {
        return files;
    }

    /**
     * Builds {@code /opt/livepatch-NAME.ko}, which no boot has proven.
     *
     * @param more options of the build
     */
    GuestFiles livepatch(String name, List<Path> patches, String... more) throws Exception {
        List<String> unproven = new ArrayList<>(List.of(more));
        unproven.add("--no-test");
        return proven(name, patches, unproven.toArray(String[]::new));
    }

    /** The same, proven by boot. */
    GuestFiles proven(String name, List<Path> patches, String... more) throws Exception {
        return build(kit, name, patches, more);
    }

    /** The same for the newest cloud kernel of another line, unproven. */
    GuestFiles ofLine(String other, String name, List<Path> patches) throws Exception {
        return build(newestKit(other), name, patches, "--no-test");
    }

    private static Kit newestKit(String line) {
        Kits kits = new Kits(Kits.userCache(), step -> System.err.println("[kit] " + step));
        return kits.add(kits.newestCloudRelease(line));
    }

    private GuestFiles build(Kit kit, String name, List<Path> patches, String... more)
            throws Exception {
        List<String> arguments = new ArrayList<>(List.of("build"));
        patches.forEach(patch -> arguments.add(patch.toString()));
        arguments.addAll(List.of("--kernel", KernelChoice.name(kit)));
        arguments.addAll(List.of("--name", name, "-o", files.toString()));
        arguments.addAll(List.of(more));
        Cli.Result result = new Cli(folder).run(arguments.toArray(String[]::new));
        assertThat(result.status()).as(result.err()).isZero();
        return this;
    }

    /** The same of a change of one place in the kernel's source. */
    GuestFiles livepatch(String name, String source, String from, String to) throws Exception {
        Path patch = TestKit.patch(kit, folder, name + ".patch", source, from, to);
        return livepatch(name, List.of(patch));
    }

    /**
     * Two livepatches that change what {@code /proc/version} says: {@code first} and its successor
     * {@code second}, which has all of the first.
     */
    GuestFiles twoVersions() throws Exception {
        livepatch("first", List.of(patch("version-line")), "--cve", "CVE-2099-0001");
        return livepatch(
                "second",
                List.of(patch("version-line"), patch("version-line-again")),
                "--cve",
                "CVE-2099-0001",
                "--cve",
                "CVE-2099-0002");
    }

    /**
     * Builds the kernel's own {@code samples/livepatch/livepatch-sample.c} out of its tree, as
     * {@code /opt/livepatch-sample.ko}: a livepatch that is not ours.
     */
    GuestFiles kernelsSample() throws Exception {
        String name = "livepatch-sample";
        Path work = Files.createDirectories(folder.resolve(name));
        Path source = kit.tree().resolve("samples/livepatch/" + name + ".c");
        Files.copy(source, work.resolve(name + ".c"));
        Files.writeString(work.resolve("Kbuild"), "obj-m := " + name + ".o\n");
        Subprocess.Result made =
                Subprocess.of("make", "-C", kit.tree().toString(), "M=" + work, "modules")
                        .deadline(Duration.ofMinutes(5))
                        .run();
        assertThat(made.ok()).as(made.out() + made.err()).isTrue();
        Files.copy(work.resolve(name + ".ko"), files.resolve(name + ".ko"));
        return this;
    }

    /** A patch of the project's own tests. */
    static Path patch(String name) {
        return Cli.root().resolve("build/src/test/resources/patches/" + name + ".patch");
    }

    /** Boots a guest with what was made so far, and installs the package in it. */
    HostGuest boot() throws Exception {
        return boot(DebianGuest.Hardware.small());
    }

    /** The same on a machine with the builder, its programs and the kit: {@link Builder}. */
    HostGuest bootWithBuilder() throws Exception {
        Builder.copyTo(files);
        Path disk = DebianGuest.image(kit.folder(), folder.resolve("kit.ext4"), "4G");
        HostGuest host =
                boot(
                        new DebianGuest.Hardware(
                                DebianRoot.imageForBuilding(), List.of(disk), 2048, false));
        Builder.install(host, kit.folder());
        return host;
    }

    private HostGuest boot(DebianGuest.Hardware hardware) throws Exception {
        DebianGuest guest = DebianGuest.boot(kit, folder, files, hardware);
        HostPackage.install(guest);
        return new HostGuest(line, guest);
    }
}
