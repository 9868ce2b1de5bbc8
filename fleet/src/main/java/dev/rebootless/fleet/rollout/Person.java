package dev.rebootless.fleet.rollout;

import dev.rebootless.base.Printable;

/**
 * Who gave an order, and in which role.
 *
 * @param name as the audit log shows it
 * @param role in which the order was given
 */
public record Person(String name, Role role) {
    @Override
    public String toString() {
        String words = Printable.text(name).replace('\n', ' ').replace('\t', ' ');
        return words + " (" + role.name().toLowerCase(java.util.Locale.ROOT) + ")";
    }
}
