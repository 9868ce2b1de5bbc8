package dev.rebootless.fleet.rollout;

/**
 * On how many hosts of a ring something went wrong, which an approver has accepted by resuming: it
 * halts the rollout no more.
 */
public record Accepted(String ring, Cause cause, int hosts) {}
