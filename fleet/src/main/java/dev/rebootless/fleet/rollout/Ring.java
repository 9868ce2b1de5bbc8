package dev.rebootless.fleet.rollout;

import dev.rebootless.base.Hashes;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;

/**
 * A ring of hosts.
 *
 * @param name lower-case letters, digits and hyphens, as in a desired state
 * @param rules a host that one of them takes is in the ring, if no ring before has it
 */
public record Ring(String name, List<RingRule> rules) {
    public Ring {
        rules = List.copyOf(rules);
    }

    /** Whether one of the rules takes a host. */
    boolean takes(String host, Set<String> tags) {
        return rules.stream().anyMatch(rule -> takes(rule, host, tags));
    }

    private boolean takes(RingRule rule, String host, Set<String> tags) {
        return switch (rule) {
            case RingRule.Listed listed -> listed.hosts().contains(host);
            case RingRule.Tagged tagged -> tags.contains(tagged.tag());
            case RingRule.Share share -> position(host) < share.permille();
            case RingRule.Rest _ -> true;
        };
    }

    /** Where a host stands in this ring's order, 0 to 999, every place as likely as another. */
    private int position(String host) {
        byte[] hashed =
                Hashes.sha256()
                        .digest(
                                ("rebootless-ring-1\n" + name + "\n" + host + "\n")
                                        .getBytes(StandardCharsets.UTF_8));
        return (int) Long.remainderUnsigned(ByteBuffer.wrap(hashed).getLong(), 1000);
    }
}
