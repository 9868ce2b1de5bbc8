package dev.rebootless.host;

import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.Manifest.Input;
import dev.rebootless.manifest.Manifest.PatchedFunction;
import dev.rebootless.manifest.Manifest.TargetObject;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Manifests for tests. */
final class Manifests {
    static final String RELEASE = "6.1.0-99-cloud-amd64";
    static final String BUILD_ID = "00112233445566778899aabbccddeeff00112233";
    static final String VERMAGIC = RELEASE + " SMP preempt mod_unload modversions ";

    private Manifests() {}

    /** A livepatch of vmlinux. */
    static Manifest of(
            String name,
            boolean replace,
            List<String> cves,
            List<String> warnings,
            String... functions) {
        return of(name, replace, cves, warnings, List.of(target("vmlinux", functions)));
    }

    static TargetObject target(String object, String... functions) {
        return new TargetObject(
                object,
                Optional.of("ab".repeat(20)),
                Arrays.stream(functions).map(f -> new PatchedFunction(f, 0, "fs/file.c")).toList());
    }

    static Manifest of(
            String name,
            boolean replace,
            List<String> cves,
            List<String> warnings,
            List<TargetObject> objects) {
        Input input = new Input("input 1.0", "00".repeat(32));
        return new Manifest(
                Manifest.SCHEMA_VERSION,
                name,
                "livepatch_" + name.replace('-', '_'),
                replace,
                cves,
                new Manifest.Kernel(RELEASE, BUILD_ID, "6.1.999-1", VERMAGIC),
                new Manifest.Inputs(
                        List.of(new Input("fix.patch", "11".repeat(32))),
                        input,
                        input,
                        input,
                        input,
                        input,
                        input,
                        "0.1"),
                objects,
                List.of("added_function"),
                warnings,
                Optional.empty());
    }

    /** The same, made of a backlog. */
    static Manifest with(Manifest manifest, Manifest.Level level) {
        return new Manifest(
                manifest.schemaVersion(),
                manifest.name(),
                manifest.module(),
                manifest.replace(),
                manifest.cves(),
                manifest.kernel(),
                manifest.inputs(),
                manifest.objects(),
                manifest.added(),
                manifest.warnings(),
                Optional.of(level));
    }
}
