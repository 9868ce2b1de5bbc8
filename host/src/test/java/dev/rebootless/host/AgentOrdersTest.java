package dev.rebootless.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.release.DesiredState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** From a signed state to a livepatch in force, and to an outcome at the server. */
class AgentOrdersTest {
    private static final Manifest FIX = AgentRig.livepatch("fix", true, "do_open");
    private static final Manifest NEXT = AgentRig.livepatch("next", true, "do_open", "do_read");

    @TempDir Path folder;
    private AgentRig rig;

    @BeforeEach
    void makeRig() throws Exception {
        rig = new AgentRig(folder);
        rig.enrol();
    }

    @AfterEach
    void close() {
        rig.close();
    }

    private JsonNode onlyOutcome() {
        assertThat(rig.fleet.outcomes).hasSize(1);
        return rig.fleet.outcomes.values().iterator().next();
    }

    /** Everything that was asked for so far goes. */
    private void forget() {
        rig.fleet.outcomes.clear();
        rig.fleet.attempts.clear();
        rig.fleet.asked();
    }

    private boolean hasOrder() {
        return Files.exists(rig.host.path(AgentRig.AGENT + "/order.json"));
    }

    @Test
    void whatTheStateWantsIsLoadedInstalledAndTold() throws IOException {
        DesiredState.Load load = rig.wantLoaded(FIX);
        rig.service();

        assertThat(rig.fleet.asked())
                .containsExactly(
                        "/agent/v1/key",
                        "facts",
                        "attempt load livepatch_fix",
                        "outcome done",
                        "facts");
        JsonNode attempt = rig.fleet.attempts.values().iterator().next();
        assertThat(attempt.path("sha256").asString()).isEqualTo(load.sha256());
        assertThat(attempt.path("buildId").asString()).isEqualTo(Manifests.BUILD_ID);
        assertThat(attempt.path("stateVersion").asInt()).isEqualTo(2);
        assertThat(onlyOutcome().path("transitionSeconds").asDouble()).isPositive();
        assertThat(onlyOutcome().path("exitStatus").asInt()).isZero();
        assertThat(rig.loaded()).containsExactly("livepatch_fix");
        assertThat(rig.installed()).containsExactly("livepatch_fix");
        // The facts after the outcome have it.
        assertThat(rig.fleet.facts.orElseThrow().at("/cves/0/state").asString())
                .isEqualTo("closed");
        assertThat(hasOrder()).isFalse();

        rig.service();
        assertThat(rig.fleet.asked()).containsExactly("unchanged");
        assertThat(rig.kernel.inserted).containsExactly("livepatch_fix");
    }

    @Test
    void withoutAStateNothingIsDone() {
        rig.host.livepatch(FIX, false);
        rig.service();
        assertThat(rig.fleet.attempts).isEmpty();
        assertThat(rig.loaded()).containsExactly("livepatch_fix");
    }

    @Test
    void whatHasToWaitIsNotDone() throws IOException {
        rig.wantLoaded(FIX);
        rig.fleet.wait = Optional.of("RBL-FLEET-WAIT");
        rig.service();
        assertThat(rig.said()).contains("has to wait");
        assertThat(hasOrder()).isFalse();
        rig.fleet.wait = Optional.empty();
        rig.service();
        assertThat(rig.loaded()).containsExactly("livepatch_fix");
    }

    @Test
    void anotherRefusalOfTheServersIsNoWaiting() throws IOException {
        rig.wantLoaded(FIX);
        rig.fleet.wait = Optional.of("RBL-FLEET-OTHER");
        assertThat(rig.fails(ExitStatus.KERNEL_SAID_NO, "report").code())
                .isEqualTo("RBL-FLEET-OTHER");
    }

    @Test
    void anotherRingsStateIsNone() throws IOException {
        rig.wantLoaded(FIX);
        rig.fleet.ring = "all";
        rig.service();
        assertThat(rig.fleet.attempts).isEmpty();
    }

    @Test
    void aRestartLoadsWhatWasInstalledAndNothingIsOrderedAgain() throws IOException {
        rig.wantLoaded(FIX);
        rig.service();
        forget();
        rig.kernel.reboot("99999999-2222-3333-4444-555555555555");
        installing().boot(Duration.ofSeconds(60));
        rig.service();
        assertThat(rig.fleet.attempts).isEmpty();
        assertThat(rig.loaded()).containsExactly("livepatch_fix");
    }

    @Test
    void aRefusalOfThePreflightTouchesNothingAndIsToldWithItsReason() throws IOException {
        rig.host.put("/sys/module/module/parameters/sig_enforce", "Y\n");
        rig.wantLoaded(FIX);
        rig.service();
        assertThat(onlyOutcome().path("outcome").asString()).isEqualTo("refused");
        assertThat(onlyOutcome().path("exitStatus").asInt()).isEqualTo(4);
        assertThat(onlyOutcome().at("/problems/0/code").asString()).isEqualTo("RBL-HOST-SIGNATURE");
        assertThat(rig.kernel.inserted).isEmpty();
    }

    @Test
    void aModuleThatNoBootHasProvenIsRefused() throws IOException {
        DesiredState.Load load = rig.release(FIX);
        // Released with a proof of other bytes.
        DesiredState.Load other = rig.release(AgentRig.livepatch("fix", true, "do_read"));
        rig.want(
                Optional.of(
                        new DesiredState.Load(
                                load.name(), other.path(), other.sha256(), List.of())),
                List.of(),
                List.of());
        rig.service();
        assertThat(rig.loaded()).containsExactly("livepatch_fix");
    }

    @Test
    void whatTheKernelDoesNotTakeHasFailed() throws IOException {
        rig.kernel.answer = 8;
        rig.wantLoaded(FIX);
        rig.service();
        assertThat(onlyOutcome().path("outcome").asString()).isEqualTo("failed");
        assertThat(onlyOutcome().path("exitStatus").asInt()).isEqualTo(7);
        assertThat(onlyOutcome().at("/problems/0/code").asString()).isEqualTo("RBL-HOST-INSERT");
        assertThat(rig.installed()).isEmpty();
    }

    @Test
    void anOopsTakesItOutAndItIsNeverLoadedHereAgain() throws IOException {
        rig.kernel.complaint =
                """
                <1>[    9.0] BUG: unable to handle page fault for address: 0000000000000040
                <4>[    9.0] Oops: 0000 [#1] PREEMPT SMP NOPTI
                <4>[    9.0] CPU: 0 PID: 7 Comm: x Not tainted
                <4>[    9.0] RIP: 0010:do_open+0x5/0x20 [livepatch_fix]
                <4>[    9.0] Call Trace:
                <4>[    9.0]  do_open+0x5/0x20 [livepatch_fix]
                <4>[    9.1] ---[ end trace 0000000000000000 ]---
                """;
        rig.wantLoaded(FIX);
        rig.service();
        assertThat(onlyOutcome().path("outcome").asString()).isEqualTo("reversed");
        assertThat(onlyOutcome().at("/problems/0/code").asString()).isEqualTo("RBL-HOST-OOPS");
        assertThat(rig.loaded()).isEmpty();
        assertThat(rig.installed()).isEmpty();
        forget();
        rig.service();
        assertThat(rig.fleet.attempts).isEmpty();
        assertThat(rig.said()).contains("is not loaded here again");
    }

    @Test
    void aNewReleaseTakesOverAndTheOlderOneIsNoLongerInstalled() throws IOException {
        rig.wantLoaded(FIX);
        rig.service();
        forget();
        rig.wantLoaded(NEXT);
        rig.service();
        assertThat(rig.loaded()).containsExactly("livepatch_next");
        assertThat(rig.installed()).containsExactly("livepatch_next");
        assertThat(rig.kernel.removed).containsExactly("livepatch_fix");
    }

    @Test
    void aWithdrawnOneIsTakenOutAndOutOfTheNextBoots() throws IOException {
        DesiredState.Load load = rig.wantLoaded(FIX);
        rig.service();
        forget();
        rig.want(
                Optional.empty(),
                List.of(new DesiredState.Unload(load.name(), load.sha256())),
                List.of());
        rig.service();
        assertThat(rig.fleet.asked()).contains("attempt unload livepatch_fix", "outcome done");
        assertThat(rig.loaded()).isEmpty();
        assertThat(rig.installed()).isEmpty();
        assertThat(rig.units.asked).contains("disable");
    }

    @Test
    void onlyExactlyTheseBytesAreTakenOut() throws IOException {
        DesiredState.Load load = rig.wantLoaded(FIX);
        rig.service();
        forget();
        rig.want(
                Optional.empty(),
                List.of(new DesiredState.Unload(load.name(), "ab".repeat(32))),
                List.of());
        rig.service();
        assertThat(rig.fleet.attempts).isEmpty();
        assertThat(rig.loaded()).containsExactly("livepatch_fix");
    }

    @Test
    void whatReplacesAWithdrawnOneMayLackItsFunctions() throws IOException {
        Manifest smaller = AgentRig.livepatch("smaller", true, "do_read");
        DesiredState.Load bad = rig.wantLoaded(FIX);
        rig.service();
        forget();
        DesiredState.Load good = rig.release(smaller);
        rig.want(Optional.of(good), List.of(), List.of());
        rig.service();
        // do_open would be lost, and nobody has signed for that.
        assertThat(onlyOutcome().at("/problems/0/code").asString())
                .isEqualTo("RBL-HOST-REGRESSION");
        assertThat(rig.loaded()).containsExactly("livepatch_fix");
        // The server lets the host try again.
        forget();
        rig.want(
                Optional.of(good),
                List.of(new DesiredState.Unload(bad.name(), bad.sha256())),
                List.of());
        rig.service();
        rig.service();
        assertThat(rig.loaded()).containsExactly("livepatch_smaller");
        assertThat(rig.installed()).containsExactly("livepatch_smaller");
    }

    @Test
    void whatCannotBeReplacedIsTakenOutAlone() throws IOException {
        DesiredState.Load bad = rig.wantLoaded(FIX);
        rig.service();
        forget();
        rig.want(
                Optional.of(rig.release(NEXT)),
                List.of(new DesiredState.Unload(bad.name(), bad.sha256())),
                List.of());
        rig.kernel.answer = 8;
        rig.service();
        assertThat(rig.loaded()).containsExactly("livepatch_fix");
        forget();
        rig.service();
        assertThat(rig.fleet.asked()).contains("attempt unload livepatch_fix");
        assertThat(rig.loaded()).isEmpty();
    }

    private static DesiredState.Reversible until(DesiredState.Load load, String moment) {
        return new DesiredState.Reversible(load.sha256(), Instant.parse(moment));
    }

    @Test
    void theServerMayOrderOutWhatTheStateAllowsWhileItDoes() throws IOException {
        DesiredState.Load load = rig.release(FIX);
        rig.want(Optional.of(load), List.of(), List.of(until(load, "2026-11-28T12:00:00Z")));
        rig.service();
        assertThat(rig.loaded()).containsExactly("livepatch_fix");
        forget();
        rig.fleet.reverse = Optional.of(load.sha256());
        rig.service();
        assertThat(rig.fleet.asked()).contains("attempt reverse livepatch_fix", "outcome done");
        assertThat(rig.loaded()).isEmpty();
        assertThat(rig.installed()).isEmpty();
        // As long as the server wants it out, nobody asks for it.
        forget();
        rig.service();
        assertThat(rig.fleet.attempts).isEmpty();
    }

    @Test
    void afterTheSoakTimeTheServerCannotOrderItOut() throws IOException {
        DesiredState.Load load = rig.release(FIX);
        rig.want(Optional.of(load), List.of(), List.of(until(load, "2026-11-28T12:00:00Z")));
        rig.service();
        forget();
        rig.later(Duration.ofHours(3));
        rig.fleet.reverse = Optional.of(load.sha256());
        rig.service();
        assertThat(rig.fleet.attempts).isEmpty();
        assertThat(rig.said()).contains("does not allow that");
        assertThat(rig.loaded()).containsExactly("livepatch_fix");
    }

    @Test
    void whatSomebodyElseLoadedUnderTheNameStays() throws IOException {
        rig.host.livepatch(FIX, false);
        rig.wantLoaded(FIX);
        rig.service();
        assertThat(rig.fleet.attempts).isEmpty();
        assertThat(rig.said()).contains("is loaded already");
    }

    @Test
    void anOutcomeThatTheServerDidNotGetIsToldByTheNextReport() throws IOException {
        rig.wantLoaded(FIX);
        assertThat(rig.agent("report")).isEqualTo(ExitStatus.DONE);
        assertThat(rig.agent("apply")).isEqualTo(ExitStatus.DONE);
        for (int i = 0; i < 4; i++) {
            rig.fleet.canned.add(
                    TestFleet.Canned.status("/agent/v1/attempts/", 503, "RBL-FLEET-BUSY"));
        }
        assertThat(rig.fails(ExitStatus.KERNEL_SAID_NO, "outcome").code())
                .isEqualTo("RBL-FLEET-BUSY");
        assertThat(hasOrder()).isTrue();
        rig.fleet.asked();
        assertThat(rig.agent("report")).isEqualTo(ExitStatus.DONE);
        assertThat(rig.fleet.asked()).startsWith("outcome done", "facts");
        assertThat(hasOrder()).isFalse();
    }

    @Test
    void anAttemptThatTheServerHasGivenUpIsForgotten() throws IOException {
        rig.wantLoaded(FIX);
        assertThat(rig.agent("report")).isEqualTo(ExitStatus.DONE);
        assertThat(rig.agent("apply")).isEqualTo(ExitStatus.DONE);
        rig.fleet.attempts.clear();
        assertThat(rig.agent("outcome")).isEqualTo(ExitStatus.DONE);
        assertThat(rig.said()).contains("RBL-FLEET-ATTEMPT");
        assertThat(hasOrder()).isFalse();
    }

    @Test
    void anOrderIsCarriedOutOnce() throws IOException {
        rig.wantLoaded(FIX);
        assertThat(rig.agent("report")).isEqualTo(ExitStatus.DONE);
        assertThat(rig.agent("apply")).isEqualTo(ExitStatus.DONE);
        assertThat(rig.agent("apply")).isEqualTo(ExitStatus.UNCHANGED);
        assertThat(rig.kernel.inserted).hasSize(1);
    }

    @Test
    void anOrderThatIsTooOldIsNotCarriedOut() throws IOException {
        rig.wantLoaded(FIX);
        assertThat(rig.agent("report")).isEqualTo(ExitStatus.DONE);
        rig.later(Duration.ofMinutes(16));
        assertThat(rig.fails(ExitStatus.REFUSED, "apply").code()).isEqualTo("RBL-AGENT-ORDER-LATE");
        assertThat(rig.agent("outcome")).isEqualTo(ExitStatus.DONE);
        assertThat(onlyOutcome().path("outcome").asString()).isEqualTo("refused");
        assertThat(rig.loaded()).isEmpty();
    }

    @Test
    void aReleaseThatReplacesTheRootKeysReachesBothSides() throws IOException {
        rig.wantLoaded(FIX);
        rig.releases.rotate();
        rig.releases.publish();
        rig.fleet.wait = Optional.of("RBL-FLEET-WAIT");
        assertThat(rig.agent("report")).isEqualTo(ExitStatus.DONE);
        rig.fleet.wait = Optional.empty();
        rig.releases.rotate();
        rig.releases.publish();
        assertThat(rig.agent("report")).isEqualTo(ExitStatus.DONE);
        // The side with rights comes only now, and has seen neither root.
        assertThat(rig.apply()).isEqualTo(ExitStatus.DONE);
        assertThat(rig.host.path("/var/lib/rebootless/trusted/root.json"))
                .hasBinaryContent(rig.releases.file("metadata/3.root.json"));
        assertThat(rig.loaded()).containsExactly("livepatch_fix");
    }

    @Test
    void whatIsInstalledButWasNotKeptIsSeenToWithoutAnAttempt() throws IOException {
        rig.wantLoaded(FIX);
        rig.service();
        forget();
        rig.host.remove("/var/lib/rebootless/" + Manifests.RELEASE + "/" + Manifests.BUILD_ID);
        assertThat(rig.installed()).isEmpty();
        rig.service();
        assertThat(rig.fleet.attempts).isEmpty();
        assertThat(rig.installed()).containsExactly("livepatch_fix");
    }

    private static final String NEXT_RELEASE = "6.1.0-100-cloud-amd64";
    private static final String NEXT_BUILD = "aabb".repeat(10);

    private static Manifest forNextKernel(String name) {
        Manifest here = AgentRig.livepatch(name, true, "do_open");
        return new Manifest(
                here.schemaVersion(),
                here.name(),
                here.module(),
                here.replace(),
                here.cves(),
                new Manifest.Kernel(
                        NEXT_RELEASE,
                        NEXT_BUILD,
                        "6.1.1000-1",
                        NEXT_RELEASE + " SMP preempt mod_unload modversions "),
                here.inputs(),
                here.objects(),
                here.added(),
                here.warnings(),
                here.level());
    }

    private void nextKernel(String buildId) throws IOException {
        rig.host.bytes("/boot/vmlinuz-" + NEXT_RELEASE, TestImages.gzip(buildId));
        Path link = rig.host.path("/vmlinuz");
        if (!Files.exists(link, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
            Files.createSymbolicLink(link, Path.of("boot/vmlinuz-" + NEXT_RELEASE));
        }
    }

    private Installing installing() {
        return new Installing(
                new Machine(
                        rig.host.files(), rig.kernel, rig.kernel, n -> Optional.empty(), rig.units),
                event -> {});
    }

    private List<String> installedForNext() {
        return new Store(rig.host.files(), NEXT_RELEASE, NEXT_BUILD)
                .installed().stream().map(Store.Installed::name).toList();
    }

    private void wantForNext(Optional<DesiredState.Load> load, List<DesiredState.Unload> unload) {
        rig.releases.want(
                new DesiredState(
                        NEXT_BUILD,
                        NEXT_RELEASE,
                        "canary",
                        rig.releases.version + 1,
                        load,
                        unload,
                        List.of()));
        rig.releases.publish();
    }

    @Test
    void nothingIsInstalledForTheNextKernelAndWhatIsWithdrawnIsLeftOut() throws IOException {
        nextKernel(NEXT_BUILD);
        DesiredState.Load load = rig.release(forNextKernel("soon"));
        wantForNext(Optional.of(load), List.of());
        rig.service();
        JsonNode next = rig.fleet.facts.orElseThrow().path("nextBoot");
        assertThat(next.path("release").asString()).isEqualTo(NEXT_RELEASE);
        assertThat(next.path("buildId").asString()).isEqualTo(NEXT_BUILD);
        assertThat(next.path("why").asString()).isEqualTo("the link /vmlinuz");
        assertThat(rig.fleet.attempts).isEmpty();
        // No rollout has said that it is this host's turn.
        assertThat(installedForNext()).isEmpty();
        assertThat(rig.kernel.inserted).isEmpty();
        assertThat(hasOrder()).isFalse();

        installing().install(TestModules.write(rig.scratch, forNextKernel("soon")), true, false);
        assertThat(installedForNext()).containsExactly("livepatch_soon");
        wantForNext(Optional.empty(), List.of(new DesiredState.Unload(load.name(), load.sha256())));
        rig.service();
        assertThat(installedForNext()).isEmpty();
    }

    @Test
    void anotherBuildOfTheNextReleaseGetsNothing() throws IOException {
        nextKernel("ccdd".repeat(10));
        wantForNext(Optional.of(rig.release(forNextKernel("soon"))), List.of());
        rig.service();
        assertThat(installedForNext()).isEmpty();
    }

    @Test
    void aStateThatIsWrongForTheNextKernelDoesNotLeaveThisOneOpen() throws IOException {
        nextKernel(NEXT_BUILD);
        wantForNext(
                Optional.of(
                        new DesiredState.Load(
                                "livepatch_soon",
                                "releases/none/livepatch.ko",
                                "ab".repeat(32),
                                List.of())),
                List.of());
        rig.wantLoaded(FIX);
        rig.service();
        assertThat(rig.loaded()).containsExactly("livepatch_fix");
        assertThat(installedForNext()).isEmpty();
    }
}
