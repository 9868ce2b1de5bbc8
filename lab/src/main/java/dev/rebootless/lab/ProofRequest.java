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
 * @param earlierModules modules to load before it, in this order
 * @param check a script for busybox's sh that must fail before the module is loaded, exit with 0
 *     once its transition is done, and fail again after it was removed
 * @param transitionTimeout for each transition, in either direction; then it is reversed
 * @param checkTimeout for each run of the check
 * @param profiles the CPU models to boot on; at least one
 */
public record ProofRequest(
        Path kernel,
        Optional<Path> module,
        List<Path> earlierModules,
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
                check,
                transitionTimeout,
                checkTimeout,
                profiles);
    }

    public ProofRequest withEarlierModules(List<Path> files) {
        return new ProofRequest(
                kernel, module, files, check, transitionTimeout, checkTimeout, profiles);
    }

    public ProofRequest withCheck(Path script) {
        return new ProofRequest(
                kernel,
                module,
                earlierModules,
                Optional.of(script),
                transitionTimeout,
                checkTimeout,
                profiles);
    }

    public ProofRequest withTransitionTimeout(Duration limit) {
        return new ProofRequest(
                kernel, module, earlierModules, check, limit, checkTimeout, profiles);
    }

    public ProofRequest withCheckTimeout(Duration limit) {
        return new ProofRequest(
                kernel, module, earlierModules, check, transitionTimeout, limit, profiles);
    }

    public ProofRequest withProfiles(List<CpuProfile> models) {
        return new ProofRequest(
                kernel, module, earlierModules, check, transitionTimeout, checkTimeout, models);
    }

    private static void requireInRange(Duration limit) {
        if (limit.compareTo(Duration.ofSeconds(1)) < 0 || limit.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException("a timeout of 1 s to 1 h, not " + limit);
        }
    }
}
