package dev.rebootless.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.fleet.rollout.HostProgress.Action;
import dev.rebootless.fleet.rollout.HostProgress.Attempt;
import dev.rebootless.fleet.rollout.HostProgress.Ended;
import dev.rebootless.fleet.rollout.HostProgress.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Reports every 30 minutes, silent after three, 15 minutes for an attempt, three hours of soak. */
class HostProgressTest {
    private static final Instant NOW = Plans.START;

    @ParameterizedTest
    @CsvSource({"0, WAITING", "90, WAITING", "91, OFFLINE", "100000, OFFLINE"})
    void aHostThatHasNotActedWaitsOrIsOffline(int silentMinutes, HostStanding standing) {
        assertThat(
                        standing(
                                new HostProgress(
                                        ago(silentMinutes), Optional.empty(), Optional.empty())))
                .isEqualTo(standing);
    }

    @ParameterizedTest
    @CsvSource({
        "LOAD,     0, IN_TRANSITION",
        "LOAD,    15, IN_TRANSITION",
        "LOAD,    16, FAILED",
        "LOAD,  9999, FAILED",
        "REVERSE, 15, REVERSING",
        "REVERSE, 16, FAILED",
    })
    void anAttemptWithoutAnOutcomeInItsLimitHasFailed(
            Action action, int minutes, HostStanding standing) {
        Attempt attempt = new Attempt(action, ago(minutes), Optional.empty());

        assertThat(standing(new HostProgress(ago(minutes), Optional.of(attempt), Optional.empty())))
                .isEqualTo(standing);
    }

    @ParameterizedTest
    @CsvSource({
        "LOAD,    DONE,     DONE",
        "LOAD,    REFUSED,  REFUSED",
        "LOAD,    FAILED,   FAILED",
        "LOAD,    REVERSED, OOPSED",
        "REVERSE, DONE,     REVERSED",
        // The host would not: it has it still.
        "REVERSE, REFUSED,  DONE",
        "REVERSE, FAILED,   FAILED",
    })
    void anOutcomeSaysHowAHostThatReportsStands(
            Action action, Outcome outcome, HostStanding standing) {
        assertThat(standing(ended(action, outcome, 20, 10))).isEqualTo(standing);
    }

    /** Until three hours after its outcome a host is watched. */
    @ParameterizedTest
    @CsvSource({
        // outcome, last report: minutes ago
        "100,  90, DONE",
        "100,  91, SILENT",
        "400,  91, AWAY",
        "400, 220, AWAY",
        "400, 221, SILENT",
        "9999, 10, DONE",
    })
    void aHostThatActedAndIsNotHeardOfIsSilentUnlessItHadSoaked(
            int outcome, int report, HostStanding standing) {
        assertThat(standing(ended(Action.LOAD, Outcome.DONE, outcome, report))).isEqualTo(standing);
    }

    @ParameterizedTest
    @CsvSource({"390, FAILED", "221, FAILED", "220, DONE", "5, DONE"})
    void aMachineThatBootsAgainWhileItSoaksHasFailed(int bootSeen, HostStanding standing) {
        HostProgress progress = ended(Action.LOAD, Outcome.DONE, 400, 10);

        assertThat(
                        standing(
                                new HostProgress(
                                        progress.lastReport(),
                                        progress.attempt(),
                                        Optional.of(ago(bootSeen)))))
                .isEqualTo(standing);
    }

    @Test
    void aHostThatFailedStaysFailedWhenItGoesSilent() {
        assertThat(standing(ended(Action.LOAD, Outcome.FAILED, 500, 490)))
                .isEqualTo(HostStanding.FAILED);
    }

    private static HostProgress ended(Action action, Outcome outcome, int endedAgo, int reportAgo) {
        return new HostProgress(
                ago(reportAgo),
                Optional.of(
                        new Attempt(
                                action,
                                ago(endedAgo + 1),
                                Optional.of(new Ended(outcome, ago(endedAgo))))),
                Optional.empty());
    }

    private static HostStanding standing(HostProgress progress) {
        return progress.standing(Pace.USUAL, Plans.SOAK, NOW);
    }

    private static Instant ago(int minutes) {
        return NOW.minus(Duration.ofMinutes(minutes));
    }
}
