package dev.rebootless.fleet.rollout;

/** What a person orders. */
public sealed interface RolloutEvent {
    /** Who. */
    Person by();

    /** No new grants until it is resumed. */
    record Pause(Person by, String reason) implements RolloutEvent {}

    /**
     * On, from where it was. After a halt an approver has to say so: it accepts what went wrong.
     */
    record Resume(Person by, String reason) implements RolloutEvent {}

    /** No new grants, ever; what is loaded stays. */
    record Abort(Person by, String reason) implements RolloutEvent {}

    /** The livepatch is to be taken out of every ring that has begun, by an approver. */
    record Reverse(Person by, String reason) implements RolloutEvent {}

    /**
     * Another rollout takes its place.
     *
     * @param successor its name
     */
    record Supersede(Person by, String successor) implements RolloutEvent {}
}
