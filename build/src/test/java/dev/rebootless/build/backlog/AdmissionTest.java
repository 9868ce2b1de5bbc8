package dev.rebootless.build.backlog;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.build.Concern;
import dev.rebootless.build.exposure.CveRow;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What goes into a livepatch unasked, and what a person has to decide. */
class AdmissionTest {
    private static final String ID = "CVE-2026-10001";

    private static final CveRow ROW = Rows.exposed(ID, "io-wq: check it");

    private static Outcome outcome(Set<Concern> concerns, boolean stated, boolean narrowed) {
        return new Outcome(
                Outcome.FORMAT,
                ID,
                "key",
                Outcome.Verdict.BUILT,
                List.of(),
                List.of(),
                List.of(),
                List.of(),
                List.of(new Outcome.Function("vmlinux", "io_wq_enqueue", 0, "io_uring/io-wq.c")),
                List.of(),
                // As words they say nothing: only what the build itself calls a concern counts.
                List.of("x.c: f: it locks, or counts references, otherwise than before (up 1)"),
                new TreeSet<>(concerns),
                stated,
                narrowed,
                "",
                1);
    }

    private static Admission of(Outcome outcome, Reviews reviews, Set<Doubt> takenOn) {
        return Admission.of(Map.of(ROW, outcome), reviews, takenOn, new History(List.of()));
    }

    private static Reviews said(boolean yes, String key) {
        TreeMap<String, Reviews.Review> reviews = new TreeMap<>();
        reviews.put(ID, new Reviews.Review(yes, key, "2026-11-28T00:00:00Z"));
        return new Reviews(reviews);
    }

    private static final Reviews NOBODY = new Reviews(new TreeMap<>());

    private static Held held(Admission admission) {
        assertThat(admission.candidates()).isEmpty();
        assertThat(admission.held()).containsOnlyKeys(ROW);
        return admission.held().firstEntry().getValue();
    }

    @Test
    void aFixWhoseFilesAFeedListsAndThatIsLocalGoesInUnasked() {
        Admission admission = of(outcome(Set.of(), true, false), NOBODY, Set.of());
        assertThat(admission.held()).isEmpty();
        assertThat(admission.candidates())
                .singleElement()
                .matches(Candidate::isSound, "nothing is left to a person");
    }

    /** The title may name one of five files: half a fix. */
    @Test
    void aFixThatIsKnownByItsTitleAloneWaitsForAListAPatchOrAPerson() {
        Held held = held(of(outcome(Set.of(), false, false), NOBODY, Set.of()));
        assertThat(held)
                .isEqualTo(new Held.Doubtful(new TreeSet<>(Set.of(Doubt.FILES_FROM_TITLE))));
        assertThat(held.words())
                .contains(
                        "its files are known from its title only",
                        "a feed that lists its files",
                        "--patch ID=FILE",
                        "a reviewer's yes (--accept)");
    }

    @Test
    void whoTakesOnTheDoubtGetsItInAndItStaysUnreviewed() {
        Outcome outcome = outcome(Set.of(), false, false);
        for (Set<Doubt> takenOn : List.of(Doubt.UNREVIEWED, Set.of(Doubt.FILES_FROM_TITLE))) {
            assertThat(of(outcome, NOBODY, takenOn).candidates())
                    .singleElement()
                    .matches(c -> !c.isSound(), "a person should still look at it");
        }
    }

    @Test
    void aReviewersYesTakesItInAsLongAsItIsTheSameFix() {
        Outcome outcome = outcome(Set.of(Concern.KERNEL_THREAD), false, true);
        assertThat(of(outcome, said(true, "key"), Set.of()).candidates())
                .singleElement()
                .matches(Candidate::isSound, "a person has looked at it");
        assertThat(held(of(outcome, said(true, "another"), Set.of())))
                .isInstanceOf(Held.Doubtful.class);
    }

    @Test
    void aReviewersNoKeepsOutWhateverSomebodyTakesOn() {
        Held held = held(of(outcome(Set.of(), true, false), said(false, "any"), Doubt.UNREVIEWED));
        assertThat(held).isEqualTo(new Held.Rejected());
        assertThat(held.isForAReviewer()).isTrue();
    }

    @ParameterizedTest
    @EnumSource(Concern.class)
    void whatNoToolProvesWaitsForAPerson(Concern concern) {
        Outcome outcome = outcome(Set.of(concern), true, false);
        assertThat(held(of(outcome, NOBODY, Set.of())).isForAReviewer()).isTrue();
        boolean isThread = concern == Concern.KERNEL_THREAD;
        assertThat(of(outcome, NOBODY, Doubt.UNREVIEWED).candidates()).hasSize(isThread ? 0 : 1);
    }

    @Test
    void everyDoubtThatNobodyTookOnIsSaid() {
        Outcome outcome = outcome(Set.of(Concern.TYPES, Concern.LOCKS), false, true);
        assertThat(outcome.doubts())
                .containsExactly(Doubt.ACROSS_THE_SWITCH, Doubt.NARROWED, Doubt.FILES_FROM_TITLE);
        assertThat(held(of(outcome, NOBODY, Set.of(Doubt.FILES_FROM_TITLE))).words())
                .isEqualTo(
                        "it changes locks, references, types or signatures that code of before the switch shares with the"
                                + " new; not all that may be part of the fix is taken; --include-unreviewed, or a reviewer's"
                                + " yes (--accept), takes it in");
    }

    @Test
    void whatWasTriedIsKeptWithItsConcerns(@TempDir Path folder) {
        Outcome outcome = outcome(Set.of(Concern.TYPES, Concern.LOCKS), false, true);
        OutcomeStore store = new OutcomeStore(folder);
        store.keep(outcome);
        assertThat(store.find(ID, "key")).contains(outcome);
    }
}
