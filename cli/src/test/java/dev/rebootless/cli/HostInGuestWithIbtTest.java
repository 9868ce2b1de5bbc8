package dev.rebootless.cli;

import org.junit.jupiter.api.Tag;

/** On the line with IBT, call padding, and static calls that each transition writes. */
@Tag("long")
class HostInGuestWithIbtTest extends HostInGuest {
    HostInGuestWithIbtTest() {
        super("6.12");
    }
}
