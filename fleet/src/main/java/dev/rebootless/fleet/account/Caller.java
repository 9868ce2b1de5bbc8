package dev.rebootless.fleet.account;

import java.util.Set;
import java.util.UUID;

/**
 * Who calls the API.
 *
 * @param account its id
 * @param name of the account
 * @param role of the account, now
 * @param scopes of the token
 */
public record Caller(UUID account, String name, Role role, Set<Scope> scopes) {
    public Caller {
        scopes = Set.copyOf(scopes);
    }

    /** Whether a route may be taken that needs a role and a scope. */
    public boolean may(Role needed, Scope scope) {
        return role.covers(needed) && scopes.contains(scope);
    }
}
