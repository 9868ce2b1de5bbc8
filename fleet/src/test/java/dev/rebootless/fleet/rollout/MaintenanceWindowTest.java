package dev.rebootless.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The rules of the zones here are those of the tz database for days that have been. */
class MaintenanceWindowTest {
    private static final Duration LIMIT = Duration.ofMinutes(15);

    @ParameterizedTest
    @CsvSource({
        // No jump of the clock, whole hours, halves, quarters.
        "UTC,                 2025-06-03, 22:00, 23:30, 2025-06-03T22:00:00Z, 2025-06-03T23:30:00Z",
        "Europe/Berlin,       2025-06-03, 22:00, 04:00, 2025-06-03T20:00:00Z, 2025-06-04T02:00:00Z",
        "Asia/Kolkata,        2025-06-03, 01:00, 05:00, 2025-06-02T19:30:00Z, 2025-06-02T23:30:00Z",
        "Asia/Kathmandu,      2025-06-03, 01:00, 05:00, 2025-06-02T19:15:00Z, 2025-06-02T23:15:00Z",
        "America/New_York,    2025-06-03, 00:00, 00:00, 2025-06-03T04:00:00Z, 2025-06-04T04:00:00Z",
        // The clock jumps from 02:00 to 03:00 at 01:00Z.
        "Europe/Berlin,       2025-03-30, 01:00, 04:00, 2025-03-30T00:00:00Z, 2025-03-30T02:00:00Z",
        "Europe/Berlin,       2025-03-30, 02:30, 05:00, 2025-03-30T01:00:00Z, 2025-03-30T03:00:00Z",
        "Europe/Berlin,       2025-03-30, 00:00, 02:30, 2025-03-29T23:00:00Z, 2025-03-30T01:00:00Z",
        "Europe/Berlin,       2025-03-29, 23:00, 02:30, 2025-03-29T22:00:00Z, 2025-03-30T01:00:00Z",
        // It goes back from 03:00 to 02:00 at 01:00Z: 02:30 is at 00:30Z and at 01:30Z.
        "Europe/Berlin,       2025-10-26, 01:00, 04:00, 2025-10-25T23:00:00Z, 2025-10-26T03:00:00Z",
        "Europe/Berlin,       2025-10-26, 02:30, 05:00, 2025-10-26T01:30:00Z, 2025-10-26T04:00:00Z",
        "Europe/Berlin,       2025-10-26, 00:00, 02:30, 2025-10-25T22:00:00Z, 2025-10-26T00:30:00Z",
        "Europe/Berlin,       2025-10-26, 02:10, 02:50, 2025-10-26T01:10:00Z, 2025-10-26T01:50:00Z",
        "Europe/Berlin,       2025-10-26, 02:00, 03:00, 2025-10-26T01:00:00Z, 2025-10-26T02:00:00Z",
        // Half an hour ahead at 02:00 (15:30Z the day before), and back at 02:00 (15:00Z).
        "Australia/Lord_Howe, 2025-10-05, 02:15, 04:00, 2025-10-04T15:30:00Z, 2025-10-04T17:00:00Z",
        "Australia/Lord_Howe, 2025-04-06, 01:45, 04:00, 2025-04-05T15:15:00Z, 2025-04-05T17:30:00Z",
        "Australia/Adelaide,  2025-10-05, 02:30, 04:00, 2025-10-04T16:30:00Z, 2025-10-04T17:30:00Z",
        // Midnight itself is left out; an hour before midnight is shown twice.
        "Africa/Cairo,        2025-04-25, 00:00, 03:00, 2025-04-24T22:00:00Z, 2025-04-25T00:00:00Z",
        "Africa/Cairo,        2025-10-30, 23:30, 01:00, 2025-10-30T21:30:00Z, 2025-10-30T23:00:00Z",
    })
    void aWindowIsOpenByTheClockOnTheWallOfItsPlace(
            ZoneId zone,
            LocalDate day,
            LocalTime from,
            LocalTime to,
            Instant opens,
            Instant closes) {
        assertThat(window(zone, from, to, day.getDayOfWeek()).beginningOn(day))
                .contains(new TimeSpan(opens, closes));
    }

    @ParameterizedTest
    @CsvSource({
        "Europe/Berlin, 2025-03-30, 02:00, 03:00",
        "Europe/Berlin, 2025-03-30, 02:10, 02:50",
        // The whole day is left out: Samoa went over the date line.
        "Pacific/Apia, 2011-12-30, 10:00, 16:00",
    })
    void aWindowThatTheClockLeavesOutWholeIsNotOpenThatWeekAndIsTheNext(
            ZoneId zone, LocalDate day, LocalTime from, LocalTime to) {
        MaintenanceWindow window = window(zone, from, to, day.getDayOfWeek());
        Instant before = day.minusDays(2).atStartOfDay(zone).toInstant();

        assertThat(window.beginningOn(day)).isEmpty();
        assertThat(Windows.next(List.of(window), before, LIMIT).orElseThrow().from())
                .isEqualTo(day.plusDays(7).atTime(from).atZone(zone).toInstant());
    }

    @Test
    void anAttemptThatWouldNotEndInTheWindowDoesNotBegin() {
        List<MaintenanceWindow> windows = List.of(nightly("UTC", "01:00", "03:00"));

        assertThat(Windows.open(windows, at("2025-06-03T00:59:59Z"), LIMIT)).isFalse();
        assertThat(Windows.open(windows, at("2025-06-03T01:00:00Z"), LIMIT)).isTrue();
        assertThat(Windows.open(windows, at("2025-06-03T02:45:00Z"), LIMIT)).isTrue();
        assertThat(Windows.open(windows, at("2025-06-03T02:45:01Z"), LIMIT)).isFalse();
        assertThat(Windows.next(windows, at("2025-06-03T02:45:01Z"), LIMIT))
                .contains(new TimeSpan(at("2025-06-04T01:00:00Z"), at("2025-06-04T03:00:00Z")));
    }

    @Test
    void windowsThatMeetAreOne() {
        List<MaintenanceWindow> windows =
                List.of(nightly("UTC", "22:00", "00:00"), nightly("UTC", "00:00", "02:00"));

        assertThat(Windows.open(windows, at("2025-06-03T23:55:00Z"), LIMIT)).isTrue();
        assertThat(Windows.next(windows, at("2025-06-03T12:00:00Z"), Duration.ofHours(4)))
                .contains(new TimeSpan(at("2025-06-03T22:00:00Z"), at("2025-06-04T02:00:00Z")));
    }

    @Test
    void withoutWindowsItIsAlwaysOpen() {
        assertThat(Windows.open(List.of(), at("2025-06-03T23:55:00Z"), LIMIT)).isTrue();
        assertThat(Windows.next(List.of(), at("2025-06-03T23:55:00Z"), LIMIT).orElseThrow().from())
                .isEqualTo(at("2025-06-03T23:55:00Z"));
    }

    /** The other way round, and for any window: what is open is within it on the wall. */
    @Test
    void noMomentIsWithinAWindowWhoseTimeOnTheWallIsNot() {
        long seed = System.nanoTime();
        System.out.println("windows: seed " + seed);
        Random random = new Random(seed);
        List<ZoneId> zones =
                List.of(
                        ZoneId.of("Europe/Berlin"),
                        ZoneId.of("Australia/Lord_Howe"),
                        ZoneId.of("Africa/Cairo"),
                        ZoneId.of("America/St_Johns"),
                        ZoneId.of("Asia/Kathmandu"),
                        ZoneId.of("Pacific/Apia"));
        int open = 0;
        for (int i = 0; i < 40_000; i++) {
            ZoneId zone = zones.get(random.nextInt(zones.size()));
            MaintenanceWindow window =
                    window(
                            zone,
                            LocalTime.of(random.nextInt(24), 10 * random.nextInt(6)),
                            LocalTime.of(random.nextInt(24), 10 * random.nextInt(6)),
                            DayOfWeek.of(1 + random.nextInt(7)),
                            DayOfWeek.of(1 + random.nextInt(7)));
            // Half of the moments are around a jump of the clock.
            Instant moment = at("2011-01-01T00:00:00Z").plusSeconds(random.nextInt(450_000_000));
            if (random.nextBoolean()) {
                moment =
                        Optional.ofNullable(zone.getRules().nextTransition(moment))
                                .map(t ->
                                        t.getInstant().plusSeconds(random.nextInt(-14_400, 14_400)))
                                .orElse(moment);
            }
            boolean isOpen = Windows.open(List.of(window), moment, Duration.ZERO);
            if (isOpen) {
                open++;
                assertThat(isWithin(window, moment))
                        .as("%s at %s, seed %d", window, moment, seed)
                        .isTrue();
            } else if (!isNearOverlap(zone, moment)) {
                assertThat(isWithin(window, moment))
                        .as("%s at %s, seed %d", window, moment, seed)
                        .isFalse();
            }
        }
        assertThat(open).isGreaterThan(2000);
    }

    @Test
    void aZoneThatDoesNotExistIsRefused() {
        assertThatThrownBy(() -> MaintenanceWindow.zone("Europe/Bärlin"))
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e ->
                                assertThat(e.problems().getFirst().code())
                                        .isEqualTo("RBL-ROLLOUT-ZONE"));
        assertThat(MaintenanceWindow.zone("Asia/Kolkata")).isEqualTo(ZoneId.of("Asia/Kolkata"));
    }

    /** By the wall alone: the time of day, and the day on which the window began. */
    static boolean isWithin(MaintenanceWindow window, Instant moment) {
        ZonedDateTime wall = moment.atZone(window.zone());
        LocalTime time = wall.toLocalTime();
        DayOfWeek today = wall.getDayOfWeek();
        boolean overnight = !window.to().isAfter(window.from());
        if (!overnight) {
            return window.days().contains(today)
                    && !time.isBefore(window.from())
                    && time.isBefore(window.to());
        }
        LocalDate yesterday = wall.toLocalDate().minusDays(1);
        return (window.days().contains(today) && !time.isBefore(window.from()))
                || (window.days().contains(yesterday.getDayOfWeek()) && time.isBefore(window.to()));
    }

    /** Where the clock goes back, a window may be shorter than on the wall, and never longer. */
    private static boolean isNearOverlap(ZoneId zone, Instant moment) {
        return Optional.ofNullable(
                        zone.getRules().nextTransition(moment.minus(Duration.ofHours(2))))
                .filter(t -> t.isOverlap())
                .filter(t -> t.getInstant().isBefore(moment.plus(Duration.ofHours(2))))
                .isPresent();
    }

    private static MaintenanceWindow nightly(String zone, String from, String to) {
        return new MaintenanceWindow(
                EnumSet.allOf(DayOfWeek.class),
                LocalTime.parse(from),
                LocalTime.parse(to),
                ZoneId.of(zone));
    }

    private static MaintenanceWindow window(
            ZoneId zone, LocalTime from, LocalTime to, DayOfWeek... days) {
        return new MaintenanceWindow(Set.copyOf(List.of(days)), from, to, zone);
    }

    private static Instant at(String moment) {
        return Instant.parse(moment);
    }
}
