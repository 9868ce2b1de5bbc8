package dev.rebootless.fleet.rollout;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** Some maintenance windows as one: where they meet or overlap, they are one span. None: always. */
final class Windows {
    /** A window lasts a day at most, and places differ by 26 hours at most. */
    private static final int DAYS_BEFORE = 3;

    /** Of a window that a jump of the clock left out, the next is a week later. */
    private static final int DAYS_AHEAD = 16;

    /** How long "always" is. */
    private static final Duration ALWAYS = Duration.ofDays(3653);

    private Windows() {}

    /** Whether some window is open, and stays so for as long as is needed. */
    static boolean open(List<MaintenanceWindow> windows, Instant now, Duration needed) {
        return windows.isEmpty()
                || spans(windows, now, DAYS_BEFORE).stream()
                        .anyMatch(span -> span.has(now) && !now.plus(needed).isAfter(span.to()));
    }

    /**
     * The first span, from now on, that is at least as long as is needed; empty where windows are
     * never so long.
     */
    static Optional<TimeSpan> next(List<MaintenanceWindow> windows, Instant now, Duration needed) {
        if (windows.isEmpty()) {
            return Optional.of(new TimeSpan(now, now.plus(ALWAYS)));
        }
        return spans(windows, now, DAYS_AHEAD).stream()
                .filter(span -> span.to().isAfter(now))
                .map(span -> span.has(now) ? new TimeSpan(now, span.to()) : span)
                .filter(span -> span.length().compareTo(needed) >= 0)
                .findFirst();
    }

    private static List<TimeSpan> spans(
            List<MaintenanceWindow> windows, Instant now, int daysAhead) {
        List<TimeSpan> spans = new ArrayList<>();
        for (MaintenanceWindow window : windows) {
            LocalDate today = LocalDate.ofInstant(now, window.zone());
            for (int day = -DAYS_BEFORE; day <= daysAhead; day++) {
                window.beginningOn(today.plusDays(day)).ifPresent(spans::add);
            }
        }
        spans.sort(Comparator.comparing(TimeSpan::from));
        List<TimeSpan> joined = new ArrayList<>();
        for (TimeSpan span : spans) {
            if (!joined.isEmpty() && !span.from().isAfter(joined.getLast().to())) {
                TimeSpan last = joined.removeLast();
                Instant to = span.to().isAfter(last.to()) ? span.to() : last.to();
                joined.add(new TimeSpan(last.from(), to));
            } else {
                joined.add(span);
            }
        }
        return joined;
    }
}
