package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.lab.CpuProfile;
import dev.rebootless.lab.Lab;
import dev.rebootless.lab.ProofRequest;
import dev.rebootless.lab.TargetModule;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.Proof;
import dev.rebootless.manifest.ProofTarget;
import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Builds a livepatch from patches of the tests and proves it on the shipped kernel. */
final class Proving {
    private static final String KLP_SYMBOL = ".klp.sym.vmlinux.";

    private final Kit kit;
    private final Path folder;

    /**
     * For the stock kernel of the 6.1 line.
     *
     * @param folder where modules go
     */
    Proving(Path folder) {
        this(folder, StockKernelKit.get());
    }

    /**
     * @param folder where modules go
     * @param kit of the kernel that they are for
     */
    Proving(Path folder, Kit kit) {
        this.folder = folder;
        this.kit = kit;
    }

    /** A module that was built, with what can be said of it before it is loaded. */
    record Module(Path file, Manifest manifest, ElfObject object) {
        /** As the kernel names it. */
        String name() {
            return ModuleName.module(manifest.name());
        }

        /** The functions that it replaces, as {@code name} or, for a namesake, {@code name,POS}. */
        Set<String> functions() {
            return manifest.objects().stream()
                    .flatMap(o -> o.functions().stream())
                    .map(f -> f.sympos() == 0 ? f.name() : f.name() + "," + f.sympos())
                    .collect(Collectors.toSet());
        }

        /** The units that they are of. */
        Set<String> units() {
            return manifest.objects().stream()
                    .flatMap(o -> o.functions().stream())
                    .map(f -> f.unit())
                    .collect(Collectors.toSet());
        }

        Set<String> sections() {
            return object.sections().stream().map(s -> s.name()).collect(Collectors.toSet());
        }

        /** What it refers to without an export: {@code name,POS}. */
        Set<String> klpSymbols() {
            return object.symbols().stream()
                    .map(ElfSymbol::name)
                    .filter(n -> n.startsWith(KLP_SYMBOL))
                    .map(n -> n.substring(KLP_SYMBOL.length()))
                    .collect(Collectors.toSet());
        }

        /** What it brings itself. */
        Set<String> definedSymbols() {
            return object.symbols().stream()
                    .filter(s -> s.section().isPresent() && !s.name().isEmpty())
                    .map(ElfSymbol::name)
                    .collect(Collectors.toSet());
        }

        /** Bytes of the section, 0 without one. */
        long sizeOf(String section) {
            return object.sectionsNamed(section).stream().mapToLong(s -> s.size()).sum();
        }
    }

    /** Builds without a boot; a patch that does not apply any more says so. */
    Module build(String... patches) {
        return build(true, patches);
    }

    /** Builds without a boot, as {@code build --no-replace} does. */
    Module buildStacked(String... patches) {
        return build(false, patches);
    }

    private Module build(boolean replace, String... patches) {
        BuildOutcome outcome = run(request(List.of(patches), replace, false, Optional.empty()));
        assertThat(outcome).isInstanceOf(BuildOutcome.Built.class);
        return module((BuildOutcome.Built) outcome);
    }

    /** Builds, and boots the kernel on one CPU model to show before, during and after. */
    Module prove(String... patches) {
        Module module = build(patches);
        boolean reload = KitKernel.read(kit).image().clearsLivepatchRelocations();
        Proof proof =
                Lab.standard()
                        .prove(
                                ProofRequest.of(kit.bootImage())
                                        .withModule(module.file())
                                        .withTargets(targets(module.manifest()))
                                        .withReload(reload)
                                        .withCheck(Patches.check(patches[patches.length - 1]))
                                        .withProfiles(
                                                List.of(new CpuProfile(CpuProfile.MAX, List.of()))),
                                step -> {});
        assertThat(proof.passed()).as(explain(proof)).isTrue();
        assertThat(proof.boots().getFirst().checks())
                .as(explain(proof))
                .hasSizeGreaterThanOrEqualTo(3);
        for (ProofTarget target : proof.boots().getFirst().targets()) {
            assertThat(target.presentSeconds()).as(explain(proof)).isPresent();
            assertThat(target.lateSeconds()).as(explain(proof)).isPresent();
            assertThat(target.againSeconds().isPresent()).as(explain(proof)).isEqualTo(reload);
        }
        return module;
    }

    /** The modules that it patches, as the kernel was shipped with them. */
    List<TargetModule> targets(Manifest manifest) {
        try {
            return TargetModule.find(
                    kit.modules(),
                    manifest.objects().stream().map(Manifest.TargetObject::name).toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Builds as a user does, with the proof on all CPU models within the build. */
    BuildOutcome.Built proveOnAllModels(String... patches) {
        Path check = Patches.check(patches[patches.length - 1]);
        BuildOutcome outcome = run(request(List.of(patches), true, true, Optional.of(check)));
        assertThat(outcome).isInstanceOf(BuildOutcome.Built.class);
        return (BuildOutcome.Built) outcome;
    }

    private BuildRequest request(
            List<String> patches, boolean replace, boolean test, Optional<Path> check) {
        return new BuildRequest(
                patches.stream().map(Patches::patch).toList(),
                folder,
                Optional.of(patches.getLast().replaceFirst(".*/", "")),
                replace,
                List.of(),
                test,
                check);
    }

    private BuildOutcome run(BuildRequest request) {
        try {
            return new Build(kit, step -> {}, true).run(request);
        } catch (RebootlessException e) {
            boolean outdated =
                    e.problems().stream()
                            .anyMatch(p ->
                                    p.code().startsWith("RBL-HUNK")
                                            || p.code().equals("RBL-ALREADY-APPLIED"));
            throw new AssertionError(
                    (outdated
                                    ? "a patch of this test no longer applies to "
                                            + kit.facts().sourcePackage()
                                            + " "
                                            + kit.facts().sourceVersion()
                                            + "; renew it in build/src/test/resources/patches\n"
                                    : "")
                            + e.problems().stream()
                                    .map(p -> p.text())
                                    .collect(Collectors.joining("\n")),
                    e);
        }
    }

    private static Module module(BuildOutcome.Built built) {
        try {
            return new Module(
                    built.module(),
                    built.manifest(),
                    ElfReader.read(Files.readAllBytes(built.module())));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String explain(Proof proof) {
        return String.join("\n", proof.reasons())
                + proof.boots().stream()
                        .flatMap(b -> b.checks().stream())
                        .map(c ->
                                "\n--- check "
                                        + c.phase()
                                        + ": "
                                        + c.exitCode()
                                        + "\n"
                                        + c.output())
                        .collect(Collectors.joining())
                + proof.boots().stream()
                        .flatMap(b -> b.logProblems().stream())
                        .map(p -> "\n--- kernel log\n" + String.join("\n", p.lines()))
                        .collect(Collectors.joining());
    }
}
