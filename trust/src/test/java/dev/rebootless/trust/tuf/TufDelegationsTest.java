package dev.rebootless.trust.tuf;

import static dev.rebootless.trust.tuf.TestRepository.NOW;
import static dev.rebootless.trust.tuf.TestRepository.bytes;
import static dev.rebootless.trust.tuf.TestRepository.roleKeys;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who is asked for a target, in which order, and when that ends (specification, 5.6.7). */
class TufDelegationsTest {
    private static final String PATH = "modules/asked.ko";
    private static final Pattern METADATA = Pattern.compile("metadata/1\\.([a-z0-9]+)\\.json");

    @TempDir private Path folder;
    private TestRepository repository;
    private final List<Signer> signer = List.of(Signer.generated());
    private final SortedMap<String, Metadata.Snapshot.Listed> published = new TreeMap<>();

    /** The roles that were asked, in that order. */
    private final List<String> asked = new ArrayList<>();

    @BeforeEach
    void aRepositoryWithoutTargets() {
        repository = new TestRepository(folder.resolve("repository"));
        repository.targets = signer;
        repository.targetsThreshold = 1;
        repository.publishRoot();
        TufClient.trust(folder.resolve("trusted"), repository.signedRoot(repository.root).bytes());
    }

    private Delegation to(String role) {
        return new Delegation(role, roleKeys(signer, 1), List.of("modules/*.ko"), false);
    }

    private Delegation onlyTo(String role) {
        return new Delegation(role, roleKeys(signer, 1), List.of("modules/*.ko"), true);
    }

    /** A role that does not have the path itself. */
    private void role(String name, Delegation... delegations) {
        publish(name, new TreeMap<>(), signer, delegations);
    }

    /** A role that has the path; the target's content says which. */
    private void roleWithThePath(String name, Delegation... delegations) {
        SortedMap<String, FileFacts> targets = new TreeMap<>();
        targets.put(PATH, repository.files.addTarget(PATH, bytes("of " + name)));
        publish(name, targets, signer, delegations);
    }

    private void publish(
            String name,
            SortedMap<String, FileFacts> targets,
            List<Signer> signers,
            Delegation... delegations) {
        Metadata.Targets metadata =
                new Metadata.Targets(
                        name,
                        1,
                        NOW.plus(Duration.ofDays(1)),
                        targets,
                        TestRepository.keys(signer),
                        List.of(delegations));
        published.put(
                name, repository.files.publishTargets(name, SignedMetadata.of(metadata, signers)));
    }

    private TestHost host() {
        repository.publish(published);
        RepositoryReader files = RepositoryReader.of(repository.folder);
        return new TestHost(
                folder.resolve("trusted"),
                (name, most) -> {
                    Matcher metadata = METADATA.matcher(name);
                    if (metadata.matches()
                            && !List.of("snapshot", "targets").contains(metadata.group(1))) {
                        asked.add(metadata.group(1));
                    }
                    return files.read(name, most);
                });
    }

    private Optional<String> found() {
        return host().target(PATH);
    }

    // ---- the order ----

    @Test
    void rolesAreAskedInTheOrderOfTheDelegationsAndTheFirstThatHasThePathAnswers() {
        // Not in the order of their names.
        role("targets", to("c"), to("a"), to("b"));
        role("c");
        roleWithThePath("a");
        roleWithThePath("b");
        assertThat(found()).contains("of a");
        assertThat(asked).containsExactly("c", "a");
    }

    @Test
    void thoseToWhomARoleLeavesThePathAreAskedBeforeThoseBesideIt() {
        role("targets", to("a"), to("b"));
        role("a", to("a1"), to("a2"));
        role("a1", to("a11"));
        role("a11");
        roleWithThePath("a2");
        roleWithThePath("b");
        assertThat(found()).contains("of a2");
        assertThat(asked).containsExactly("a", "a1", "a11", "a2");
    }

    @Test
    void aRoleThatHasThePathAnswersBeforeThoseToWhomItLeavesIt() {
        role("targets", to("a"));
        roleWithThePath("a", onlyTo("a1"));
        roleWithThePath("a1");
        assertThat(found()).contains("of a");
        assertThat(asked).containsExactly("a");
    }

    @Test
    void afterAllBelowARoleTheOneBesideItIsAsked() {
        role("targets", to("a"), to("b"));
        role("a", to("a1"));
        role("a1");
        roleWithThePath("b");
        assertThat(found()).contains("of b");
        assertThat(asked).containsExactly("a", "a1", "b");
    }

    @Test
    void aRoleWithoutValidSignaturesIsNotSkipped() {
        role("targets", to("a"), to("b"));
        publish("a", new TreeMap<>(), List.of(Signer.generated()));
        roleWithThePath("b");
        assertThat(host().refused(PATH)).isEqualTo(TufFault.Attack.ARBITRARY_SOFTWARE);
    }

    // ---- terminating delegations ----

    @Test
    void afterATerminatingDelegationNobodyElseIsAsked() {
        role("targets", onlyTo("a"), to("b"));
        role("a");
        roleWithThePath("b");
        assertThat(found()).isEmpty();
        assertThat(asked).containsExactly("a");
    }

    @Test
    void aTerminatingDelegationOfARoleAlsoEndsWhatWasToBeAskedAboveIt() {
        role("targets", to("a"), to("b"));
        role("a", to("a1"), onlyTo("a2"), to("a3"));
        role("a1");
        role("a2");
        roleWithThePath("a3");
        roleWithThePath("b");
        assertThat(found()).isEmpty();
        assertThat(asked).containsExactly("a", "a1", "a2");
    }

    @Test
    void thoseBelowATerminatingDelegationAreAsked() {
        role("targets", onlyTo("a"), to("b"));
        role("a", to("a1"), to("a2"));
        role("a1");
        roleWithThePath("a2");
        roleWithThePath("b");
        assertThat(found()).contains("of a2");
        assertThat(asked).containsExactly("a", "a1", "a2");
    }

    @Test
    void aTerminatingDelegationOfOtherPathsEndsNothing() {
        role(
                "targets",
                new Delegation("a", roleKeys(signer, 1), List.of("state/*.ko"), true),
                to("b"));
        roleWithThePath("a");
        roleWithThePath("b");
        assertThat(found()).contains("of b");
        assertThat(asked).containsExactly("b");
    }

    // ---- the end ----

    @Test
    void aCycleOfDelegationsEndsWithEachAskedOnce() {
        role("targets", to("a"), to("c"));
        role("a", to("a"), to("b"));
        role("b", to("a"), to("b"), to("c"));
        role("c", to("a"));
        assertThat(found()).isEmpty();
        assertThat(asked).containsExactly("a", "b", "c");
    }

    @Test
    void aTargetBehindACycleIsFound() {
        role("targets", to("a"));
        role("a", to("b"), to("c"));
        role("b", to("a"));
        roleWithThePath("c");
        assertThat(found()).contains("of c");
        assertThat(asked).containsExactly("a", "b", "c");
    }

    @Test
    void thirtyTwoRolesAreAsked() {
        manyRoles(32);
        assertThat(found()).contains("of r32");
        assertThat(asked).hasSize(32);
    }

    @Test
    void aPathThatNoneOfThirtyTwoRolesHasIsNoTarget() {
        manyRoles(32);
        String other = "modules/other.ko";
        assertThat(host().target(other)).isEmpty();
        assertThat(asked).hasSize(32);
    }

    @Test
    void endlessDataAThirtyThirdRoleIsNotAsked() {
        manyRoles(33);
        assertThat(host().refused(PATH)).isEqualTo(TufFault.Attack.ENDLESS_DATA);
        assertThat(asked).hasSize(32).doesNotContain("r33");
    }

    @Test
    void endlessDataThirtyThreeRolesOneBelowTheOtherAreRefused() {
        for (int i = 1; i <= 33; i++) {
            role(i == 1 ? "targets" : "r" + (i - 1), to("r" + i));
        }
        roleWithThePath("r33");
        assertThat(host().refused(PATH)).isEqualTo(TufFault.Attack.ENDLESS_DATA);
        assertThat(asked).hasSize(32).endsWith("r32");
    }

    /** Beside each other, and the last has the path. */
    private void manyRoles(int count) {
        List<String> names = IntStream.rangeClosed(1, count).mapToObj(i -> "r" + i).toList();
        role("targets", names.stream().map(this::to).toArray(Delegation[]::new));
        names.subList(0, count - 1).forEach(this::role);
        roleWithThePath(names.getLast());
    }
}
