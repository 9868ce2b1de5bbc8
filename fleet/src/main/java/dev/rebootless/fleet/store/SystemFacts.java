package dev.rebootless.fleet.store;

import dev.rebootless.base.Hashes;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * What a host says of itself and has in common with others: everything that is counted or filtered
 * by. All texts are bounded and free of control characters.
 *
 * @param os the distribution's name
 * @param agent version of Rebootless
 * @param release of the running kernel
 * @param buildId of it
 * @param packageVersion of it
 * @param nextRelease of the kernel that would boot next
 * @param secureBoot whether it is on
 * @param lockdown none, integrity or confidentiality
 * @param rebootRequired by some package
 * @param inForce names of our livepatches, sorted
 * @param inTransition of those that are on their way, sorted
 * @param foreign names of others' livepatches, sorted
 * @param cves what the livepatches do
 */
public record SystemFacts(
        Optional<String> os,
        Optional<String> agent,
        Optional<String> release,
        Optional<String> buildId,
        Optional<String> packageVersion,
        Optional<String> nextRelease,
        Optional<Boolean> secureBoot,
        Optional<String> lockdown,
        Optional<Boolean> rebootRequired,
        List<String> inForce,
        List<String> inTransition,
        List<String> foreign,
        CveStates cves) {
    /** Of a host that has not reported yet. */
    public static final SystemFacts NONE =
            new SystemFacts(
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    List.of(),
                    List.of(),
                    List.of(),
                    CveStates.NONE);

    public SystemFacts {
        inForce = List.copyOf(inForce);
        inTransition = List.copyOf(inTransition);
        foreign = List.copyOf(foreign);
    }

    /** SHA-256 of all fields in order, each in a line; empty ones as an empty line. */
    byte[] digest(Membership membership) {
        StringBuilder lines = new StringBuilder();
        for (String field : List.of(membership.ring(), membership.tag())) {
            lines.append(field).append('\n');
        }
        for (Optional<?> field :
                List.of(
                        os,
                        agent,
                        release,
                        buildId,
                        packageVersion,
                        nextRelease,
                        secureBoot,
                        lockdown,
                        rebootRequired)) {
            lines.append(field.map(value -> "=" + value).orElse("")).append('\n');
        }
        for (List<String> names : List.of(inForce, inTransition, foreign)) {
            lines.append(String.join(" ", names)).append('\n');
        }
        var digest = Hashes.sha256();
        digest.update(lines.toString().getBytes(StandardCharsets.UTF_8));
        return digest.digest(cves.digest());
    }
}
