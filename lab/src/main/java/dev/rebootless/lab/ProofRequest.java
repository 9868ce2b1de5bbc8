package dev.rebootless.lab;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What is to be proven.
 *
 * @param kernel the stock kernel's image, as the distribution ships it ({@code vmlinuz}, a bzImage)
 * @param module the livepatch module; without one the kernel is only booted
 * @param earlierModules modules to load before it, in this order, each once the transition of the
 *     one before is done
 * @param takeover what the livepatch must do to the livepatches among them
 * @param targets the modules that the livepatch patches. Each is inserted before the livepatch, and
 *     in a second life of the livepatch while it is in force
 * @param reload whether this kernel can take a patched module once more that was removed under the
 *     livepatch: it clears the livepatch's relocations then, as kernels do since 6.3
 *     (klp_clear_object_relocs() in kernel/livepatch/core.c). Otherwise that is not tried
 * @param check a script for busybox's sh that must fail before the module is loaded, exit with 0
 *     once its transition is done, and fail again after it was removed; all with the targets
 *     inserted. It should leave them free to be removed. With earlier modules it runs before them,
 *     and once more before the livepatch, where it may do either; if one of them stays, it must do
 *     the same after the livepatch was removed
 * @param transitionTimeout for each transition, in either direction; then it is reversed
 * @param checkTimeout for each run of the check
 * @param profiles the CPU models to boot on; at least one
 */
public record ProofRequest(
        Path kernel,
        Optional<Path> module,
        List<Path> earlierModules,
        Takeover takeover,
        List<TargetModule> targets,
        boolean reload,
        Optional<Path> check,
        Duration transitionTimeout,
        Duration checkTimeout,
        List<CpuProfile> profiles) {
    /**
     * Long enough for several of the signals that the kernel sends to lagging tasks, one every 15
     * s.
     */
    public static final Duration TRANSITION_TIMEOUT = Duration.ofSeconds(60);

    public static final Duration CHECK_TIMEOUT = Duration.ofSeconds(30);

    private static final Duration LONGEST = Duration.ofHours(1);

    public ProofRequest {
        earlierModules = List.copyOf(earlierModules);
        targets = List.copyOf(targets);
        profiles = List.copyOf(profiles);
        if (profiles.isEmpty()) {
            throw new IllegalArgumentException("no CPU model to boot on");
        }
        requireInRange(transitionTimeout);
        requireInRange(checkTimeout);
    }

    /** Boots the kernel on every default model, with nothing to load and nothing to check. */
    public static ProofRequest of(Path kernel) {
        return new ProofRequest(
                kernel,
                Optional.empty(),
                List.of(),
                Takeover.UNKNOWN,
                List.of(),
                false,
                Optional.empty(),
                TRANSITION_TIMEOUT,
                CHECK_TIMEOUT,
                CpuProfile.defaults(false));
    }

    public ProofRequest withModule(Path file) {
        return new ProofRequest(
                kernel,
                Optional.of(file),
                earlierModules,
                takeover,
                targets,
                reload,
                check,
                transitionTimeout,
                checkTimeout,
                profiles);
    }

    public ProofRequest withEarlierModules(List<Path> files) {
        return new ProofRequest(
                kernel,
                module,
                files,
                takeover,
                targets,
                reload,
                check,
                transitionTimeout,
                checkTimeout,
                profiles);
    }

    public ProofRequest withTakeover(Takeover what) {
        return new ProofRequest(
                kernel,
                module,
                earlierModules,
                what,
                targets,
                reload,
                check,
                transitionTimeout,
                checkTimeout,
                profiles);
    }

    public ProofRequest withTargets(List<TargetModule> modules) {
        return new ProofRequest(
                kernel,
                module,
                earlierModules,
                takeover,
                modules,
                reload,
                check,
                transitionTimeout,
                checkTimeout,
                profiles);
    }

    public ProofRequest withReload(boolean possible) {
        return new ProofRequest(
                kernel,
                module,
                earlierModules,
                takeover,
                targets,
                possible,
                check,
                transitionTimeout,
                checkTimeout,
                profiles);
    }

    /**
     * Whether the second life is tried. A livepatch that was loaded earlier and stays may patch the
     * same targets; where a target cannot come again under it, it could not come late either.
     */
    boolean late() {
        return module.isPresent()
                && (reload || earlierModules.isEmpty() || takeover == Takeover.REPLACES);
    }

    public ProofRequest withCheck(Path script) {
        return new ProofRequest(
                kernel,
                module,
                earlierModules,
                takeover,
                targets,
                reload,
                Optional.of(script),
                transitionTimeout,
                checkTimeout,
                profiles);
    }

    public ProofRequest withTransitionTimeout(Duration limit) {
        return new ProofRequest(
                kernel,
                module,
                earlierModules,
                takeover,
                targets,
                reload,
                check,
                limit,
                checkTimeout,
                profiles);
    }

    public ProofRequest withCheckTimeout(Duration limit) {
        return new ProofRequest(
                kernel,
                module,
                earlierModules,
                takeover,
                targets,
                reload,
                check,
                transitionTimeout,
                limit,
                profiles);
    }

    public ProofRequest withProfiles(List<CpuProfile> models) {
        return new ProofRequest(
                kernel,
                module,
                earlierModules,
                takeover,
                targets,
                reload,
                check,
                transitionTimeout,
                checkTimeout,
                models);
    }

    private static void requireInRange(Duration limit) {
        if (limit.compareTo(Duration.ofSeconds(1)) < 0 || limit.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException("a timeout of 1 s to 1 h, not " + limit);
        }
    }
}
