package dev.rebootless.fleet.rollout;

import dev.rebootless.base.RebootlessException;
import java.time.DateTimeException;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * When hosts of a ring may act, every week, by the clock on the wall of a place. No moment is
 * within whose time on that clock is not: where the clock jumps ahead, a window that would begin or
 * end in what is left out begins or ends with the jump; where it goes back and shows an hour twice,
 * a window that begins in it begins the second time, and one that ends in it ends the first time.
 *
 * @param days on which it begins
 * @param from its first moment
 * @param to the first moment after it; of the next day if it is not after {@code from}
 * @param zone of the clock
 */
public record MaintenanceWindow(Set<DayOfWeek> days, LocalTime from, LocalTime to, ZoneId zone) {
    public MaintenanceWindow {
        days = Set.copyOf(days);
    }

    /**
     * A time zone by its name, such as {@code Europe/Berlin}.
     *
     * @throws RebootlessException {@code RBL-ROLLOUT-ZONE}
     */
    public static ZoneId zone(String name) {
        try {
            return ZoneId.of(name);
        } catch (DateTimeException e) {
            throw RebootlessException.usage(
                    "RBL-ROLLOUT-ZONE",
                    "zone",
                    "there is no such time zone in the tz database",
                    "give a name such as Europe/Berlin, Asia/Kolkata or UTC");
        }
    }

    /** How long it is on days without a jump of the clock. */
    public Duration usualLength() {
        Duration length = Duration.between(from, to);
        return length.isPositive() ? length : length.plusDays(1);
    }

    /** When it is open, if it begins on a day; empty where the clock leaves it out whole. */
    Optional<TimeSpan> beginningOn(LocalDate day) {
        if (!days.contains(day.getDayOfWeek())) {
            return Optional.empty();
        }
        Instant opens = opening(day.atTime(from));
        Instant closes = closing((to.isAfter(from) ? day : day.plusDays(1)).atTime(to), opens);
        return opens.isBefore(closes) ? Optional.of(new TimeSpan(opens, closes)) : Optional.empty();
    }

    private Instant opening(LocalDateTime wall) {
        List<ZoneOffset> offsets = zone.getRules().getValidOffsets(wall);
        return offsets.isEmpty() ? jump(wall) : wall.toInstant(offsets.getLast());
    }

    private Instant closing(LocalDateTime wall, Instant opens) {
        List<ZoneOffset> offsets = zone.getRules().getValidOffsets(wall);
        if (offsets.isEmpty()) {
            return jump(wall);
        }
        Instant first = wall.toInstant(offsets.getFirst());
        return first.isAfter(opens) ? first : wall.toInstant(offsets.getLast());
    }

    /** When the clock leaves out a time. */
    private Instant jump(LocalDateTime wall) {
        return zone.getRules().getTransition(wall).getInstant();
    }
}
