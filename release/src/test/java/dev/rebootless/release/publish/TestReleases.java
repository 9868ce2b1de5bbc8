package dev.rebootless.release.publish;

import dev.rebootless.base.Hashes;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.ManifestJson;
import dev.rebootless.manifest.Proof;
import dev.rebootless.manifest.ProofBoot;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/** Livepatches as a build leaves them, but for the module's bytes, which nobody here looks into. */
final class TestReleases {
    static final String BUILD = "0123abcd";
    static final String RELEASE = "6.1.0-47-cloud-amd64";

    private TestReleases() {}

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static byte[] patch(String name) {
        return bytes("patch of " + name);
    }

    static byte[] module(String name) {
        return bytes("module of " + name);
    }

    static Manifest manifest(String name, List<String> cves, List<String> functions) {
        Manifest.Input input = new Manifest.Input("n", "00");
        return new Manifest(
                Manifest.SCHEMA_VERSION,
                name,
                "livepatch_" + name,
                true,
                cves,
                new Manifest.Kernel(RELEASE, BUILD, "6.1.170-3", RELEASE + " SMP"),
                new Manifest.Inputs(
                        List.of(new Manifest.Input("Fix It.patch", Hashes.sha256(patch(name)))),
                        input,
                        input,
                        input,
                        input,
                        input,
                        input,
                        "tool 1"),
                List.of(
                        new Manifest.TargetObject(
                                "vmlinux",
                                Optional.of(BUILD),
                                functions.stream()
                                        .map(f -> new Manifest.PatchedFunction(f, 0, "fs/f.c"))
                                        .toList())),
                List.of(),
                List.of(),
                Optional.empty());
    }

    static Proof proof(byte[] module, List<String> reasons) {
        ProofBoot boot =
                new ProofBoot(
                        "qemu64",
                        List.of(),
                        "tcg",
                        3.5,
                        OptionalDouble.of(0.1),
                        OptionalDouble.empty(),
                        OptionalDouble.of(0.2),
                        List.of(),
                        List.of(),
                        List.of(),
                        List.of(),
                        List.of(),
                        List.of(),
                        List.of(),
                        List.of(),
                        reasons,
                        reasons.isEmpty());
        return new Proof(
                RELEASE,
                "Linux version",
                "00",
                Optional.of(Hashes.sha256(module)),
                Optional.empty(),
                "QEMU",
                List.of(boot),
                Proof.NOT_SHOWN,
                reasons.isEmpty());
    }

    static ReleaseFiles files(String name, List<String> cves, List<String> functions) {
        Manifest manifest = manifest(name, cves, functions);
        byte[] module = module(name);
        return ReleaseFiles.of(
                module,
                manifest,
                beside(manifest, module, Optional.of(proof(module, List.of()))),
                List.of(patch(name)));
    }

    static String beside(Manifest manifest, byte[] module, Optional<Proof> proof) {
        return ManifestJson.beside(
                new ManifestJson.ModuleFile(manifest, Hashes.sha256(module), proof));
    }
}
