package dev.rebootless.fleet.web;

import dev.rebootless.fleet.account.Role;
import dev.rebootless.fleet.account.Scope;

/** Who may take a route. */
public sealed interface Access {
    /** Anybody: there is nothing to protect, or the request itself proves a right to it. */
    record Open(String why) implements Access {}

    /** A host, by a key that it signs the message with. */
    record Host() implements Access {}

    /** An account of at least a role, by a token with a scope. */
    record Account(Role role, Scope scope) implements Access {}
}
