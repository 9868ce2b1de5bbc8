package dev.rebootless.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LogWatchTest {
    private static final String BEFORE =
            """
            <4>[    1.000000] WARNING: CPU: 0 PID: 1 at fs/file.c:6 do_open+0x1f/0x34 [livepatch_fix]
            <4>[    1.000001] ---[ end trace 0000000000000000 ]---
            <6>[    2.000000] livepatch: 'livepatch_fix': patching complete
            """;

    private static final String OOPS =
            """
            <1>[    9.100000] BUG: kernel NULL pointer dereference, address: 0000000000000008
            <1>[    9.100001] #PF: supervisor write access in kernel mode
            <4>[    9.100002] Oops: 0002 [#1] PREEMPT SMP PTI
            <4>[    9.100003] CPU: 0 PID: 300 Comm: cat Tainted: G           O  K    6.1.0-56-cloud-amd64
            <4>[    9.100004] RIP: 0010:do_open+0x12/0x60 [livepatch_fix]
            <4>[    9.100005] Call Trace:
            <4>[    9.100006]  <TASK>
            <4>[    9.100007]  ? __die_body.cold+0x1a/0x1f
            <4>[    9.100008]  seq_read_iter+0x120/0x480
            <4>[    9.100009] RIP: 0033:0x7f0000000000
            <4>[    9.100010] ---[ end trace 0000000000000000 ]---
            """;

    private final LogWatch watch = new LogWatch("livepatch_fix", BEFORE);

    private List<LogWatch.Seen> look(String more) {
        return watch.look(BEFORE + more);
    }

    @Test
    void whatStoodThereBeforeIsNobodysFault() {
        assertThat(look("")).isEmpty();
        assertThat(watch.rest()).isEmpty();
    }

    @Test
    void anOopsInTheLivepatchsCodeIsOursAndFatal() {
        assertThat(look(OOPS))
                .singleElement()
                .satisfies(seen -> {
                    assertThat(seen.ours()).isTrue();
                    assertThat(seen.complaint().fatal()).isTrue();
                    assertThat(seen.complaint().kind()).isEqualTo("oops");
                });
        assertThat(look(OOPS)).as("told once").isEmpty();
    }

    @Test
    void anOopsElsewhereIsNot() {
        String elsewhere = OOPS.replace("do_open+0x12/0x60 [livepatch_fix]", "do_read+0x12/0x60");
        assertThat(look(elsewhere)).singleElement().matches(seen -> !seen.ours());
        LogWatch other = new LogWatch("livepatch_fix", BEFORE);
        String module = OOPS.replace("[livepatch_fix]", "[livepatch_fix2]");
        assertThat(other.look(BEFORE + module)).singleElement().matches(seen -> !seen.ours());
    }

    /** A helper that the livepatch calls with nonsense faults, and the livepatch is to blame. */
    @Test
    void anOopsWhoseTopFrameIsTheLivepatchIsOurs() {
        String called =
                OOPS.replace("do_open+0x12/0x60 [livepatch_fix]", "strlen+0x4/0x20")
                        .replace("seq_read_iter+0x120/0x480", "do_open+0x40/0x60 [livepatch_fix]");
        assertThat(look(called)).singleElement().matches(LogWatch.Seen::ours);
        LogWatch other = new LogWatch("livepatch_fix", BEFORE);
        String below = called.replace("  ? __die_body.cold+0x1a/0x1f", "  strlen_user+0x1/0x2");
        assertThat(other.look(BEFORE + below))
                .as("not the top frame")
                .singleElement()
                .matches(seen -> !seen.ours());
    }

    @Test
    void aWarningInTheLivepatchsCodeIsOursAndNotFatal() {
        String warning =
                """
                <4>[    9.0] WARNING: CPU: 1 PID: 300 at fs/file.c:6 do_open+0x1f/0x34 [livepatch_fix]
                <4>[    9.0] RIP: 0010:do_open+0x1f/0x34 [livepatch_fix]
                <4>[    9.0] ---[ end trace 0000000000000000 ]---
                """;
        assertThat(look(warning))
                .singleElement()
                .matches(seen -> seen.ours() && !seen.complaint().fatal());
        LogWatch other = new LogWatch("livepatch_fix", BEFORE);
        assertThat(other.look(BEFORE + warning.replace(" [livepatch_fix]", "")))
                .singleElement()
                .matches(seen -> !seen.ours());
    }

    @Test
    void aReportThatIsStillBeingWrittenIsToldWhenItIsKnown() {
        int half = OOPS.indexOf("<4>[    9.100005]");
        assertThat(look(OOPS.substring(0, half))).isEmpty();
        assertThat(look(OOPS))
                .singleElement()
                .matches(LogWatch.Seen::ours)
                .matches(seen -> seen.complaint().lines().getLast().contains("end trace"));
    }

    @Test
    void aReportThatNeverEndsIsToldAtTheEnd() {
        assertThat(look(OOPS.substring(0, 200))).isEmpty();
        assertThat(watch.rest()).singleElement().matches(seen -> !seen.ours());
    }

    /**
     * A kernel entry that was interrupted is shown below, with an instruction pointer of its own.
     */
    @Test
    void anOopsInWhatInterruptedTheLivepatchsCodeIsNotOurs() {
        String nested =
                OOPS.replace("do_open+0x12/0x60 [livepatch_fix]", "fuse_fault+0x12/0x60")
                        .replace(
                                "RIP: 0033:0x7f0000000000",
                                "RIP: 0010:do_open+0x12/0x60 [livepatch_fix]");
        assertThat(look(nested)).singleElement().matches(seen -> !seen.ours());
    }

    /** Whoever can crash programs must not be able to hide an oops behind the noise. */
    @Test
    void anOopsAfterManyOtherComplaintsIsSeen() {
        StringBuilder noise = new StringBuilder();
        int seen = 0;
        for (int i = 0; i < 100; i++) {
            noise.append(
                    "<6>[    3.%06d] prog[%d]: segfault at 0 ip 0 sp 0 error 4\n".formatted(i, i));
            seen += look(noise.toString()).size();
        }
        assertThat(seen).isGreaterThan(90);
        assertThat(look(noise + OOPS)).anyMatch(LogWatch.Seen::ours);
    }

    @Test
    void aComplaintOfOneLineWithinAReportDoesNotEndIt() {
        String mixed =
                OOPS.replace(
                        "<4>[    9.100004]",
                        "<6>[    9.100003] prog[7]: segfault at 0 ip 0 sp 0 error 4\n<4>[    9.100004]");
        assertThat(look(mixed)).anyMatch(seen -> seen.ours() && seen.complaint().fatal());
    }

    @Test
    void afterTheRingHasWrappedOnlyLaterLinesAreNew() {
        assertThat(
                        LogWatch.fresh(
                                Optional.of("<6>[    5.000000] gone"),
                                "<6>[    4.000000] old\n<6>[    6.000000] new\nno time\n"))
                .containsExactly("<6>[    6.000000] new");
    }
}
