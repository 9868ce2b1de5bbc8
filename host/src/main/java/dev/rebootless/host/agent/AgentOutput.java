package dev.rebootless.host.agent;

/** Where the agent tells what it did; foreign words are made printable behind it. */
public interface AgentOutput {
    /** Whether programs read it. */
    boolean json();

    /** A line on standard error. */
    void say(String line);

    /** Text on standard output. */
    void print(String text);
}
