package dev.rebootless.cli;

/** On Debian 12's own line. */
class HostInGuestTest extends HostInGuest {
    HostInGuestTest() {
        super("6.1");
    }
}
