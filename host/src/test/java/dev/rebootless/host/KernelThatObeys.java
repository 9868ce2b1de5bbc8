package dev.rebootless.host;

import dev.rebootless.manifest.Manifest;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A kernel that takes what it is given, in time that passes only when somebody waits: transitions
 * end after a second of it.
 */
final class KernelThatObeys implements KernelCalls, Ticker {
    private final FakeHost host;
    private long nanos;
    private String log = "<6>[    1.0] before\n";

    /** What it said when a module was given to it, each by the module's name. */
    final List<String> inserted = new ArrayList<>();

    final List<String> removed = new ArrayList<>();

    /** The errno for the next module. */
    int answer = DONE;

    /** Whether transitions to a livepatch end. */
    boolean comes = true;

    /** What is in the log some seconds after a module came. */
    String complaint = "";

    /** Called at named moments; what it throws ends the call there, as a signal would. */
    Consumer<String> at = moment -> {};

    private long since;

    KernelThatObeys(FakeHost host) {
        this.host = host;
    }

    @Override
    public int insert(byte[] module) {
        at.accept("before insert");
        Manifest manifest = TestModules.manifest(module);
        if (answer == DONE) {
            inserted.add(manifest.module());
            if (manifest.replace()) {
                replaced = livepatches();
            }
            host.livepatch(manifest, true);
            since = nanos;
        }
        at.accept("after insert");
        return answer;
    }

    private List<String> replaced = List.of();

    private List<String> livepatches() {
        try {
            return host.files().names("/sys/kernel/livepatch");
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Override
    public int remove(String name) {
        at.accept("before remove");
        if (Files.exists(host.path("/sys/kernel/livepatch/" + name))) {
            return Errno.EBUSY;
        }
        removed.add(name);
        if (Files.exists(host.path("/sys/module/" + name))) {
            host.remove("/sys/module/" + name);
        }
        return DONE;
    }

    @Override
    public Optional<String> log() {
        return Optional.of(log);
    }

    @Override
    public long nanos() {
        return nanos;
    }

    @Override
    public void sleep(Duration time) {
        at.accept("wait");
        nanos += time.toNanos();
        if (nanos - since > 4e9 && !log.endsWith(complaint)) {
            log += complaint;
        }
        for (String name : livepatches()) {
            String folder = "/sys/kernel/livepatch/" + name;
            boolean enabled = is(folder + "/enabled");
            if (!enabled && !is(folder + "/transition")) {
                // Somebody has just written the 0.
                host.state(name, false, true);
                since = nanos;
            } else if ((comes || !enabled) && is(folder + "/transition") && nanos - since >= 1e9) {
                if (enabled) {
                    host.state(name, true, false);
                    for (String earlier : replaced) {
                        if (Files.exists(host.path("/sys/kernel/livepatch/" + earlier))) {
                            host.remove("/sys/kernel/livepatch/" + earlier);
                        }
                    }
                    replaced = List.of();
                } else {
                    host.remove(folder);
                }
            }
        }
    }

    private boolean is(String file) {
        return host.files().read(file).known().filter("1"::equals).isPresent();
    }

    /** The machine starts anew: what was loaded is gone. */
    void reboot(String bootId) {
        for (String name : livepatches()) {
            host.remove("/sys/kernel/livepatch/" + name);
            host.remove("/sys/module/" + name);
        }
        host.put("/proc/modules", "");
        host.put("/proc/sys/kernel/random/boot_id", bootId + "\n");
    }
}
