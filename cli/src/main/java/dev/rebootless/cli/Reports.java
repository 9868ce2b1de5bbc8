package dev.rebootless.cli;

import dev.rebootless.build.BuildOutcome;
import dev.rebootless.diff.ChangeSet;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.Proof;
import dev.rebootless.manifest.ProofBoot;
import dev.rebootless.manifest.ProofCheck;
import dev.rebootless.manifest.ProofEarlier;
import dev.rebootless.manifest.ProofStep;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.KitFacts;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/** Results as people read them. */
final class Reports {
    private Reports() {}

    static String built(Kit kit, BuildOutcome.Built built) {
        Manifest manifest = built.manifest();
        StringBuilder text = new StringBuilder();
        text.append(manifest.module())
                .append(" for ")
                .append(KernelChoice.name(kit))
                .append(manifest.replace() ? "" : ", on top of what is loaded")
                .append("\n");
        objects(text, manifest.objects());
        list(text, "new", manifest.added());
        list(text, "closes", manifest.cves());
        warnings(text, manifest.warnings());
        built.proof().ifPresent(proof -> proof(text, proof));
        text.append("module:   ").append(built.module()).append("\n");
        text.append("manifest: ").append(built.json()).append("\n");
        if (built.proof().isPresent()) {
            text.append("next:     on a host that runs ")
                    .append(manifest.kernel().release())
                    .append(", as root: rebootless load ")
                    .append(built.module())
                    .append("\n");
        } else {
            text.append("unproven: it was not booted\nnext:     rebootless test ")
                    .append(built.module())
                    .append("\n");
        }
        return text.toString();
    }

    static String explained(Kit kit, BuildOutcome.Explained explained) {
        StringBuilder text = new StringBuilder();
        text.append("a livepatch for ").append(KernelChoice.name(kit)).append(" can be built\n");
        objects(text, explained.objects());
        list(text, "new", explained.added());
        warnings(text, explained.warnings());
        text.append("next:     rebootless build with the same arguments\n");
        return text.toString();
    }

    static String unchanged(List<String> warnings) {
        StringBuilder text = new StringBuilder("no compiled function changed: nothing to load\n");
        warnings(text, warnings);
        return text.toString();
    }

    static String diff(ChangeSet changes) {
        StringBuilder text = new StringBuilder(changes.verdict().word()).append("\n");
        list(text, "changed", changes.changed());
        list(text, "new", changes.added());
        list(text, "removed", changes.removed());
        list(text, "data", changes.data());
        return text.toString();
    }

    static String test(Proof proof) {
        StringBuilder text = new StringBuilder();
        proof(text, proof);
        text.append(proof.passed() ? "passed\n" : "failed\n");
        return text.toString();
    }

    private static void objects(StringBuilder text, List<Manifest.TargetObject> objects) {
        for (Manifest.TargetObject object : objects) {
            text.append("replaces in ").append(object.name()).append(":\n");
            for (Manifest.PatchedFunction function : object.functions()) {
                String place = function.sympos() == 0 ? "" : "," + function.sympos();
                text.append(
                        String.format("  %-38s %s%n", function.name() + place, function.unit()));
            }
        }
    }

    private static void list(StringBuilder text, String title, List<String> names) {
        if (!names.isEmpty()) {
            text.append(title).append(": ").append(String.join(", ", names)).append("\n");
        }
    }

    private static void warnings(StringBuilder text, List<String> warnings) {
        warnings.forEach(w -> text.append("warning: ").append(w).append("\n"));
    }

    private static void proof(StringBuilder text, Proof proof) {
        text.append("booted the shipped ").append(proof.kernelRelease()).append(" on:\n");
        for (ProofBoot boot : proof.boots()) {
            text.append(
                    String.format(
                            "  %-16s %-6s boot %s, load %s, transition %s, unload %s, kernel log %s (%s)%n",
                            boot.cpuModel(),
                            boot.passed() ? "passed" : "failed",
                            seconds(OptionalDouble.of(boot.bootSeconds())),
                            seconds(boot.loadSeconds()),
                            seconds(boot.transitionSeconds()),
                            seconds(boot.unloadSeconds()),
                            boot.logProblems().isEmpty() ? "clean" : "not clean",
                            boot.accelerator()));
            boot.reasons().forEach(r -> text.append("    ").append(r).append("\n"));
        }
        stepByStep(text, proof.boots().getFirst());
        text.append(
                proof.checkSha256().isPresent()
                        ? ""
                        : "no behaviour was checked: give a script with --check\n");
    }

    /** The first boot in the order in which things happened. */
    private static void stepByStep(StringBuilder text, ProofBoot boot) {
        text.append("on ").append(boot.cpuModel()).append(", step by step:\n");
        text.append("  booted after ").append(seconds(OptionalDouble.of(boot.bootSeconds())));
        text.append("\n");
        boot.steps().stream()
                .takeWhile(step -> step.action().equals("insert"))
                .forEach(step -> step(text, boot, step));
        check(text, boot, "before", "before loading");
        check(text, boot, "earlier", "with the earlier livepatches alone");
        text.append("  loaded in ").append(seconds(boot.loadSeconds()));
        text.append(", transition finished in ").append(seconds(boot.transitionSeconds()));
        text.append(": ").append(String.join(", ", boot.functionsPatched())).append("\n");
        boot.earlier().forEach(e -> earlier(text, e));
        check(text, boot, "during", "with the livepatch");
        text.append("  unloaded in ").append(seconds(boot.unloadSeconds())).append("\n");
        check(text, boot, "after", "after unloading");
        if (!boot.targets().isEmpty()) {
            boot.steps().stream()
                    .dropWhile(step -> !step.action().equals("unload"))
                    .skip(1)
                    .dropWhile(step -> step.action().equals("check"))
                    .forEach(step -> step(text, boot, step));
        }
        text.append("  kernel log: ")
                .append(boot.logProblems().isEmpty() ? "clean" : "not clean")
                .append("\n");
        boot.logProblems().stream()
                .flatMap(p -> p.lines().stream())
                .forEach(l -> text.append("    ").append(l).append("\n"));
        boot.targets().stream()
                .flatMap(target -> target.notShown().stream())
                .forEach(line -> text.append("  not shown: ").append(line).append("\n"));
    }

    private static void earlier(StringBuilder text, ProofEarlier earlier) {
        text.append("  ").append(earlier.name());
        text.append(
                switch (earlier.fate()) {
                    case "replaced" ->
                            " was replaced; its module was removed in "
                                    + seconds(earlier.removeSeconds());
                    case "stays" -> " stays in force below it";
                    case "gone-before" -> " had been replaced by another earlier one";
                    default -> ": what became of it is unclear";
                });
        text.append("\n");
    }

    /** A step of the lives of targets. */
    private static void step(StringBuilder text, ProofBoot boot, ProofStep step) {
        switch (step.action()) {
            case "insert" -> step(text, step, "inserted", step.what());
            case "remove" -> step(text, step, "removed", step.what());
            case "load" -> step(text, step, "loaded before its targets", "");
            case "enable" -> step(text, step, "transition finished", "");
            case "disable" -> step(text, step, "disabled", "");
            case "reverse" -> step(text, step, "transition reversed", "");
            case "unload" -> step(text, step, "unloaded", "");
            case "check" ->
                    check(
                            text,
                            boot,
                            step.what(),
                            step.what().equals("again")
                                    ? "with targets that came again"
                                    : "with targets that came late");
            default -> step(text, step, step.action(), step.what());
        }
    }

    private static void step(StringBuilder text, ProofStep step, String done, String what) {
        text.append(step.done() ? "  " : "  not ")
                .append(done)
                .append(what.isEmpty() ? "" : " " + what)
                .append(step.done() ? " in " : " after ")
                .append(seconds(OptionalDouble.of(step.seconds())))
                .append("\n");
    }

    private static void check(StringBuilder text, ProofBoot boot, String phase, String title) {
        for (ProofCheck check : boot.checks()) {
            if (!check.phase().equals(phase)) {
                continue;
            }
            text.append("  ").append(title).append(", the check ");
            text.append(
                    check.timedOut()
                            ? "took too long and was ended"
                            : "exits with " + check.exitCode());
            text.append(check.output().isEmpty() ? "\n" : ":\n");
            check.output().lines().forEach(l -> text.append("    ").append(l).append("\n"));
        }
    }

    private static String seconds(OptionalDouble value) {
        return value.isPresent()
                ? String.format(Locale.ROOT, "%.2f s", value.getAsDouble())
                : "not reached";
    }

    static String inspect(Documents.Inspect facts) {
        StringBuilder text = new StringBuilder();
        line(text, "file", facts.file());
        line(text, "sha256", facts.sha256());
        line(text, "module", facts.name());
        line(text, "vermagic", facts.vermagic().strip());
        line(text, "livepatch", facts.livepatch() ? "yes" : "no");
        line(text, "signature", facts.signed() ? "present (not verified)" : "none");
        Optional<Manifest> manifest = facts.manifest();
        if (manifest.isPresent()) {
            manifest(text, manifest.get());
        } else {
            line(text, "manifest", "none: not built by Rebootless");
        }
        line(text, "klp symbols", String.valueOf(facts.klpSymbols().size()));
        facts.klpSymbols()
                .forEach(s ->
                        text.append("  ")
                                .append(s.object())
                                .append(":")
                                .append(s.name())
                                .append(s.sympos() == 0 ? "" : "," + s.sympos())
                                .append("\n"));
        facts.klpRelocations()
                .forEach(r ->
                        line(
                                text,
                                "klp relocations",
                                r.count() + " in " + r.section() + " for " + r.object()));
        line(text, "imports", String.join(", ", facts.imports()));
        return text.toString();
    }

    private static void manifest(StringBuilder text, Manifest manifest) {
        line(text, "livepatch name", manifest.name());
        line(
                text,
                "kernel",
                manifest.kernel().release()
                        + "="
                        + manifest.kernel().packageVersion()
                        + ", build id "
                        + manifest.kernel().buildId());
        line(text, "replaces", manifest.replace() ? "all earlier livepatches" : "none, stacks");
        line(text, "closes", manifest.cves().isEmpty() ? "-" : String.join(", ", manifest.cves()));
        objects(text, manifest.objects());
        list(text, "new", manifest.added());
        warnings(text, manifest.warnings());
        manifest.inputs().patches().forEach(p -> input(text, "patch", p));
        input(text, "source", manifest.inputs().source());
        input(text, "image", manifest.inputs().image());
        input(text, "config", manifest.inputs().config());
        input(text, "exports", manifest.inputs().exports());
        input(text, "compiler", manifest.inputs().compiler());
        input(text, "objtool", manifest.inputs().objtool());
        line(text, "built by", manifest.inputs().tool());
    }

    private static void input(StringBuilder text, String title, Manifest.Input input) {
        line(text, title, input.name() + "  sha256 " + input.sha256());
    }

    private static void line(StringBuilder text, String title, String value) {
        text.append(String.format("%-16s %s%n", title + ":", value));
    }

    static String kit(Kit kit) {
        KitFacts facts = kit.facts();
        StringBuilder text = new StringBuilder();
        line(text, "release", facts.release());
        line(text, "build id", facts.buildId());
        line(text, "image package", facts.packageVersion());
        line(text, "source", facts.sourcePackage() + " " + facts.sourceVersion());
        line(text, "compiler", facts.compiler().version());
        line(text, "vermagic", facts.vermagic().strip());
        packages(text, "package", facts.packages());
        facts.toolchain()
                .ifPresent(t -> {
                    line(text, "suite", t.suite());
                    packages(text, "toolchain", t.packages());
                });
        facts.config().forEach((name, value) -> line(text, "config", name + "=" + value));
        line(text, "disk", megabytes(facts.diskBytes()));
        line(text, "folder", kit.folder().toString());
        line(text, "made", facts.created().toString());
        return text.toString();
    }

    private static void packages(
            StringBuilder text, String title, List<KitFacts.UsedPackage> packages) {
        packages.forEach(p ->
                line(
                        text,
                        title,
                        "%s_%s_%s  sha256 %s"
                                .formatted(p.name(), p.version(), p.architecture(), p.sha256())));
    }

    static String kits(List<Kit> kits) {
        StringBuilder text = new StringBuilder();
        for (Kit kit : kits) {
            text.append(
                    String.format(
                            "%-36s %-18s %s %9s %s%n",
                            kit.facts().release(),
                            kit.facts().packageVersion(),
                            kit.facts().buildId(),
                            megabytes(kit.facts().diskBytes()),
                            kit.facts()
                                    .toolchain()
                                    .map(KitFacts.Toolchain::suite)
                                    .orElse("this machine's")));
        }
        return text.toString();
    }

    private static String megabytes(long bytes) {
        return (bytes >> 20) + " MB";
    }
}
