package dev.rebootless.release.publish;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.ManifestJson;
import dev.rebootless.release.DesiredState;
import dev.rebootless.trust.tuf.FileFacts;
import dev.rebootless.trust.tuf.Metadata;
import dev.rebootless.trust.tuf.RepositoryReader;
import dev.rebootless.trust.tuf.TargetPath;
import dev.rebootless.trust.tuf.TufClient;
import dev.rebootless.trust.tuf.TufFault;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;

/**
 * What a repository has for people and servers: what is released, and what each ring should run.
 *
 * @param releases sorted by name, then by build id
 * @param states sorted by build id, then by ring
 */
public record Catalog(List<Release> releases, List<DesiredState> states) {
    /** The role to which desired states are left (docs/contract-releases.md). */
    public static final String STATE = "state";

    /** A manifest with thousands of functions has some hundred kilobytes; three boots as many. */
    private static final long MAX_BESIDE_BYTES = 16 << 20;

    public Catalog {
        releases =
                releases.stream()
                        .sorted(Comparator.comparing(Release::name).thenComparing(Release::buildId))
                        .toList();
        states =
                states.stream()
                        .sorted(
                                Comparator.comparing(DesiredState::buildId)
                                        .thenComparing(DesiredState::ring))
                        .toList();
    }

    /**
     * Reads a repository as a client that believes nothing unsigned.
     *
     * @param client of it
     * @param repository the same as the client's
     * @throws TufFault when what the repository has is not to be believed
     */
    public static Catalog read(TufClient client, RepositoryReader repository) {
        return client.with(session -> of(session.targets(), session.delegated(STATE), repository));
    }

    static Catalog of(
            Metadata.Targets targets, Metadata.Targets state, RepositoryReader repository) {
        List<Release> releases = new ArrayList<>();
        for (Map.Entry<String, FileFacts> module : modules(targets.targets())) {
            String path = module.getKey();
            String folder = path.substring(0, path.length() - Release.MODULE.length());
            byte[] beside = content(repository, targets, folder + Release.BESIDE, MAX_BESIDE_BYTES);
            ManifestJson.ModuleFile file =
                    ManifestJson.readBeside(new String(beside, StandardCharsets.UTF_8));
            Release release = new Release(file.manifest(), module.getValue());
            if (!file.moduleSha256().equals(module.getValue().sha256())
                    || !release.path().equals(path)) {
                throw TufFault.Attack.MIX_AND_MATCH.of(
                        path, "its manifest is of another livepatch");
            }
            releases.add(release);
        }
        List<DesiredState> states = new ArrayList<>();
        for (String path : state.targets().keySet()) {
            DesiredState read =
                    DesiredState.read(
                            content(repository, state, path, DesiredState.MAX_BYTES), path);
            if (!read.path().equals(path)) {
                throw TufFault.Attack.MIX_AND_MATCH.of(path, "it is the state of another ring");
            }
            states.add(read);
        }
        return new Catalog(releases, states);
    }

    private static List<Map.Entry<String, FileFacts>> modules(
            SortedMap<String, FileFacts> targets) {
        return targets.entrySet().stream()
                .filter(t -> t.getKey().startsWith(Release.FOLDER + "/"))
                .filter(t -> t.getKey().endsWith("/" + Release.MODULE))
                .toList();
    }

    /** The bytes of a target that signed metadata list. */
    private static byte[] content(
            RepositoryReader repository, Metadata.Targets listing, String path, long most) {
        FileFacts facts = listing.targets().get(path);
        if (facts == null) {
            throw TufFault.Attack.MISSING.of(path, "no role lists it");
        }
        if (facts.length() > most) {
            throw TufFault.Attack.ENDLESS_DATA.of(path, "it has more than " + most + " bytes");
        }
        byte[] bytes =
                repository
                        .read(TargetPath.file(path, facts), facts.length())
                        .orElseThrow(() ->
                                TufFault.Attack.MISSING.of(path, "the repository has it not"));
        facts.require(bytes, path);
        return bytes;
    }

    /** The state of a ring for a kernel build. */
    public Optional<DesiredState> state(String buildId, String ring) {
        return states.stream()
                .filter(s -> s.buildId().equals(buildId) && s.ring().equals(ring))
                .findFirst();
    }

    /** The release with a module of some bytes. */
    public Optional<Release> release(String sha256) {
        return releases.stream().filter(r -> r.module().sha256().equals(sha256)).findFirst();
    }

    /**
     * The releases of a name.
     *
     * @param kernel a kernel release or build id; empty for all
     * @throws RebootlessException exit status 2 {@code RBL-RELEASE-UNKNOWN} when there is none
     */
    public List<Release> require(String name, Optional<String> kernel) {
        List<Release> found =
                releases.stream()
                        .filter(r -> r.name().equals(name))
                        .filter(r ->
                                kernel.map(k ->
                                                k.equals(r.buildId())
                                                        || k.equals(
                                                                r.manifest().kernel().release()))
                                        .orElse(true))
                        .toList();
        if (found.isEmpty()) {
            throw RebootlessException.usage(
                    "RBL-RELEASE-UNKNOWN",
                    name,
                    "no livepatch of this name is released"
                            + kernel.map(k -> " for " + k).orElse(""),
                    releases.isEmpty()
                            ? "release one with `rebootless publish`"
                            : "released are: "
                                    + String.join(
                                            ", ",
                                            releases.stream()
                                                    .map(Release::name)
                                                    .distinct()
                                                    .toList()));
        }
        return found;
    }
}
