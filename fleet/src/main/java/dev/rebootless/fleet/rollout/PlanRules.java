package dev.rebootless.fleet.rollout;

import dev.rebootless.base.Problem;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** What is wrong with a plan, all of it at once. */
final class PlanRules {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");

    /** As {@code DesiredState} has them. */
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    private static final Pattern MODULE = Pattern.compile("[A-Za-z0-9_]{1,55}");
    private static final Pattern BUILD_ID = Pattern.compile("(?:[0-9a-f]{2}){1,20}");
    private static final Pattern CVE = Pattern.compile("CVE-[0-9]{4}-[0-9]{4,19}");

    /** A cumulative livepatch closes hundreds. */
    private static final int MAX_CVES = 10_000;

    private static final int MAX_WINDOWS = 64;
    private static final int MAX_HOSTS = 100_000_000;
    private static final int MAX_SILENT_AFTER = 100;
    private static final Duration DAY = Duration.ofDays(1);
    private static final Duration MAX_SOAK = Duration.ofDays(90);

    /** Fewer than two, and nobody has said anything of how it went. */
    private static final int MIN_SOAK_PERIODS = 2;

    /** Beyond these there is a mistake, and somewhere an overflow. */
    private static final TimeSpan CALENDAR =
            new TimeSpan(
                    Instant.parse("2000-01-01T00:00:00Z"), Instant.parse("2200-01-01T00:00:00Z"));

    private final Pace pace;
    private final List<Problem> problems = new ArrayList<>();

    PlanRules(Pace pace) {
        this.pace = pace;
    }

    List<Problem> problems(
            String name,
            Livepatch livepatch,
            List<PlannedRing> rings,
            Instant notBefore,
            Optional<Emergency> emergency) {
        if (!NAME.matcher(name).matches()) {
            problems.add(
                    new Problem(
                            "RBL-ROLLOUT-NAME",
                            "name",
                            "a rollout cannot be called so",
                            "give up to 64 letters, digits, dots, hyphens and underscores"));
        }
        checkLivepatch(livepatch);
        boolean paced = checkPace(notBefore);
        checkNames(rings);
        for (int i = 0; i < rings.size(); i++) {
            checkRing("rings[" + i + "]", rings.get(i), paced);
        }
        emergency.ifPresent(e -> checkEmergency(livepatch, e, paced));
        return List.copyOf(problems);
    }

    private void checkLivepatch(Livepatch livepatch) {
        require(SHA256, livepatch.sha256(), "sha256", "64 lower-case hexadecimal digits");
        require(MODULE, livepatch.module(), "module", "a module's name as /proc/modules has it");
        require(BUILD_ID, livepatch.buildId(), "buildId", "a kernel's build id in hexadecimal");
        if (livepatch.cves().size() > MAX_CVES) {
            problems.add(
                    new Problem(
                            "RBL-ROLLOUT-LIVEPATCH",
                            "livepatch.cves",
                            "there are " + livepatch.cves().size(),
                            "give at most " + MAX_CVES));
        }
        if (!livepatch.cves().stream().allMatch(c -> CVE.matcher(c).matches())) {
            problems.add(
                    new Problem(
                            "RBL-ROLLOUT-LIVEPATCH",
                            "livepatch.cves",
                            "one of them is no CVE id",
                            "give ids such as CVE-2026-12345"));
        }
    }

    private void require(Pattern pattern, String value, String field, String wanted) {
        if (!pattern.matcher(value).matches()) {
            problems.add(
                    new Problem(
                            "RBL-ROLLOUT-LIVEPATCH",
                            "livepatch." + field,
                            "it is not " + wanted,
                            "give what the livepatch's manifest says"));
        }
    }

    /** Whether soak times and windows can be held against the pace. */
    private boolean checkPace(Instant notBefore) {
        int before = problems.size();
        if (outside(pace.reportPeriod(), Duration.ofSeconds(1), DAY)) {
            problems.add(
                    time("pace.reportPeriod", "give 1 second to 1 day; agents have 30 minutes"));
        }
        if (outside(pace.attemptLimit(), Duration.ofSeconds(1), DAY)) {
            problems.add(time("pace.attemptLimit", "give 1 second to 1 day; 15 minutes are usual"));
        }
        if (pace.silentAfter() < 1 || pace.silentAfter() > MAX_SILENT_AFTER) {
            problems.add(
                    time(
                            "pace.silentAfter",
                            "give 1 to " + MAX_SILENT_AFTER + " report periods; 3 are usual"));
        }
        boolean paced = problems.size() == before;
        if (!CALENDAR.has(notBefore)) {
            problems.add(time("notBefore", "give a moment of this or the next century"));
        }
        return paced;
    }

    private static Problem time(String place, String remedy) {
        return new Problem(
                "RBL-ROLLOUT-TIME", place, "it is shorter or longer than it can be", remedy);
    }

    private void checkNames(List<PlannedRing> rings) {
        Set<String> names = new HashSet<>();
        boolean sound = !rings.isEmpty() && rings.size() <= Rings.MAX_RINGS;
        for (PlannedRing ring : rings) {
            sound &= Rings.NAME.matcher(ring.ring()).matches() && names.add(ring.ring());
        }
        if (!sound) {
            problems.add(
                    new Problem(
                            "RBL-ROLLOUT-RINGS",
                            "rings",
                            "these are not the names of rings, each once",
                            "name 1 to " + Rings.MAX_RINGS + " of the fleet's rings, in order"));
        }
    }

    private void checkRing(String place, PlannedRing ring, boolean paced) {
        if (ring.windows().size() > MAX_WINDOWS) {
            problems.add(window(place + ".windows", "there are more than " + MAX_WINDOWS));
        }
        for (int i = 0; i < ring.windows().size(); i++) {
            checkWindow(place + ".windows[" + i + "]", ring.windows().get(i), paced);
        }
        if (paced) {
            checkSoak(place + ".soak", ring.soak());
        }
        boolean limited =
                switch (ring.limit()) {
                    case Limit.Hosts h -> h.hosts() >= 1 && h.hosts() <= MAX_HOSTS;
                    case Limit.Percent p -> isPercent(p.percent());
                };
        if (!limited) {
            problems.add(
                    new Problem(
                            "RBL-ROLLOUT-LIMIT",
                            place + ".limit",
                            "so many hosts cannot be in transition",
                            "give 1 to " + MAX_HOSTS + " hosts, or 1 to 100 percent"));
        }
        if (!isPercent(ring.completePercent())) {
            problems.add(
                    new Problem(
                            "RBL-ROLLOUT-COMPLETE",
                            place + ".completePercent",
                            "it is " + ring.completePercent(),
                            "give 1 to 100 percent of the hosts that can be reached"));
        }
        for (Cause cause : Cause.values()) {
            checkThreshold(place + ".halt", cause, ring.halt().of(cause));
        }
    }

    private void checkWindow(String place, MaintenanceWindow window, boolean paced) {
        if (window.days().isEmpty()) {
            problems.add(window(place + ".days", "it is on no day of the week"));
        }
        // A host asks once in a report period: in a shorter window some would never ask.
        Duration least = pace.reportPeriod().plus(pace.attemptLimit());
        if (paced && window.usualLength().compareTo(least) < 0) {
            problems.add(
                    window(
                            place,
                            "it is shorter than a report period and the limit of an attempt ("
                                    + least
                                    + "): some hosts would never ask in it"));
        }
    }

    private static Problem window(String place, String message) {
        return new Problem(
                "RBL-ROLLOUT-WINDOW",
                place,
                message,
                "give at most "
                        + MAX_WINDOWS
                        + " windows, each with its days, long enough for every host to ask; none"
                        + " means always");
    }

    private void checkSoak(String place, Duration soak) {
        int least = Math.max(MIN_SOAK_PERIODS, pace.silentAfter() + 1);
        if (outside(soak, pace.reportPeriod().multipliedBy(least), MAX_SOAK)) {
            problems.add(
                    new Problem(
                            "RBL-ROLLOUT-SOAK",
                            place,
                            "it is "
                                    + soak
                                    + ", in which a host that went silent ("
                                    + pace.silentAfter()
                                    + " report periods of "
                                    + pace.reportPeriod()
                                    + " without a word) would not be missed, or longer than "
                                    + MAX_SOAK,
                            "give at least "
                                    + pace.reportPeriod().multipliedBy(least)
                                    + ": two report periods, and one more than it takes to be"
                                    + " silent"));
        }
    }

    private void checkThreshold(String place, Cause cause, Threshold threshold) {
        if (threshold.hosts() < 1
                || threshold.hosts() > MAX_HOSTS
                || !isPercent(threshold.percent())
                || threshold.minimumSample() < 1
                || threshold.minimumSample() > MAX_HOSTS) {
            problems.add(
                    new Problem(
                            "RBL-ROLLOUT-THRESHOLD",
                            place + "." + cause.name().toLowerCase(java.util.Locale.ROOT),
                            "nothing, or anything, would halt it: " + threshold.sentence(),
                            "give at least 1 host, 1 to 100 percent, and a sample of at least 1"));
        }
    }

    private void checkEmergency(Livepatch livepatch, Emergency emergency, boolean paced) {
        if (emergency.knownExploited().isEmpty()
                || !livepatch.cves().containsAll(emergency.knownExploited())) {
            problems.add(
                    new Problem(
                            "RBL-ROLLOUT-EMERGENCY",
                            "emergency.knownExploited",
                            "the livepatch does not close what is exploited",
                            "name the exploited CVEs that it closes, or plan no emergency"));
        }
        if (paced) {
            checkSoak("emergency.soak", emergency.soak());
        }
    }

    private static boolean isPercent(int percent) {
        return percent >= 1 && percent <= 100;
    }

    private static boolean outside(Duration length, Duration least, Duration most) {
        return length.compareTo(least) < 0 || length.compareTo(most) > 0;
    }
}
