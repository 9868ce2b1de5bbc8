package dev.rebootless.fleet.rollout;

import java.util.List;

/**
 * What is rolled out.
 *
 * @param sha256 of the module's bytes, 64 lower-case hexadecimal digits
 * @param module its name, as {@code /proc/modules} shows it
 * @param buildId of the kernel that it is for, hexadecimal
 * @param cves that it closes
 */
public record Livepatch(String sha256, String module, String buildId, List<String> cves) {
    public Livepatch {
        cves = List.copyOf(cves);
    }
}
