package dev.rebootless.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.host.files.HostFiles;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.ManifestJson;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.stream.Stream;

/** A machine's /proc and /sys as plain files, for logic; the real ones are in a guest. */
final class FakeHost {
    final Path root;

    FakeHost(Path root) {
        this.root = root;
        put("/proc/sys/kernel/osrelease", Manifests.RELEASE + "\n");
        put("/proc/self/status", "Name:\tjava\nCapEff:\t000001ffffffffff\n");
        put("/proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 900000 kB\n");
        put("/proc/modules", "");
        put("/sys/module/module/parameters/sig_enforce", "N\n");
        put("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
        put("/sys/kernel/debug/kprobes/list", "");
        put("/sys/kernel/tracing/enabled_functions", "");
        bytes("/sys/kernel/notes", note("GNU", 3, HexFormat.of().parseHex(Manifests.BUILD_ID)));
        folder("/sys/kernel/livepatch");
    }

    HostFiles files() {
        return new HostFiles(root);
    }

    Path path(String absolute) {
        return root.resolve(absolute.substring(1));
    }

    void folder(String absolute) {
        try {
            Files.createDirectories(path(absolute));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void put(String absolute, String text) {
        bytes(absolute, text.getBytes(StandardCharsets.UTF_8));
    }

    void bytes(String absolute, byte[] content) {
        Path file = path(absolute);
        try {
            Files.createDirectories(file.getParent());
            Files.write(file, content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void remove(String absolute) {
        try (Stream<Path> all = Files.walk(path(absolute))) {
            for (Path each : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(each);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** As elf(5) lays it out. */
    static byte[] note(String owner, int type, byte[] content) {
        byte[] name = (owner + "\0").getBytes(StandardCharsets.US_ASCII);
        int nameSpace = (name.length + 3) / 4 * 4;
        ByteBuffer note =
                ByteBuffer.allocate(12 + nameSpace + (content.length + 3) / 4 * 4)
                        .order(ByteOrder.LITTLE_ENDIAN);
        note.putInt(name.length).putInt(content.length).putInt(type).put(name);
        note.position(12 + nameSpace).put(content);
        return note.array();
    }

    static byte[] note(Manifest manifest) {
        return note(
                Manifest.NOTE_NAME,
                Manifest.NOTE_TYPE,
                ManifestJson.compact(manifest).getBytes(StandardCharsets.UTF_8));
    }

    /**
     * What the kernel shows of a livepatch of ours, which was loaded after those that are there.
     */
    void livepatch(Manifest manifest, boolean transition) {
        String name = manifest.module();
        bytes("/sys/module/" + name + "/notes/.note.rebootless", note(manifest));
        put("/sys/module/" + name + "/initstate", "live\n");
        for (Manifest.TargetObject object : manifest.objects()) {
            boolean there =
                    object.name().equals("vmlinux")
                            || Files.exists(path("/sys/module/" + object.name()));
            object(
                    name,
                    object.name(),
                    there,
                    object.functions().stream()
                            .map(f -> f.name() + "," + Math.max(1, f.sympos()))
                            .toArray(String[]::new));
        }
        state(name, true, transition);
    }

    /** The module of a livepatch of ours that the kernel no longer lists. */
    void leftOver(Manifest manifest) {
        String folder = "/sys/module/" + manifest.module();
        bytes(folder + "/notes/.note.rebootless", note(manifest));
        put(folder + "/initstate", "live\n");
        put(folder + "/taint", "OK\n");
    }

    /** One that says nothing of itself. */
    void foreign(String name, String... functions) {
        folder("/sys/module/" + name + "/notes");
        object(name, "vmlinux", true, functions);
        state(name, true, false);
    }

    private void object(String livepatch, String object, boolean patched, String... functions) {
        String folder = "/sys/kernel/livepatch/" + livepatch + "/" + object;
        put(folder + "/patched", patched ? "1\n" : "0\n");
        for (String function : functions) {
            folder(folder + "/" + function);
        }
    }

    void state(String livepatch, boolean enabled, boolean transition) {
        String folder = "/sys/kernel/livepatch/" + livepatch;
        if (!Files.exists(path(folder + "/enabled"))) {
            String modules = files().read("/proc/modules").known().orElseThrow();
            put("/proc/modules", livepatch + " 16384 1 - Live 0x0 (OK)\n" + modules + "\n");
        }
        put(folder + "/enabled", enabled ? "1\n" : "0\n");
        put(folder + "/transition", transition ? "1\n" : "0\n");
    }

    /** A task, and on which side it is. */
    void task(int id, String command, int state, String... stack) {
        String folder = "/proc/" + id + "/task/" + id;
        put(folder + "/patch_state", state + "\n");
        put(folder + "/comm", command + "\n");
        StringBuilder frames = new StringBuilder();
        for (String frame : stack) {
            frames.append("[<0>] ").append(frame).append("+0x17/0x2c0\n");
        }
        put(folder + "/stack", frames.toString());
    }

    void hasNothingLoaded() {
        try {
            assertThat(files().names("/sys/kernel/livepatch")).isEmpty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
