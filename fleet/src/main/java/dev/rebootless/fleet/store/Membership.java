package dev.rebootless.fleet.store;

/**
 * Where a host belongs by its owner's will, whatever it says of itself.
 *
 * @param ring in which it gets livepatches
 * @param tag that its enrolment token had
 */
public record Membership(String ring, String tag) {}
