package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.diff.ChangeSet;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.Proof;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.kit.KitFacts;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * What {@code --json} prints; each record is one document with its schema in {@code docs/schema/}.
 * Fields are only ever added to a {@code schemaVersion}.
 */
final class Documents {
    static final int SCHEMA_VERSION = 1;

    private static final JsonMapper MAPPER =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private static final JsonMapper LINES = JsonMapper.builder().build();

    private Documents() {}

    /** One whole answer. */
    interface Document {
        int schemaVersion();
    }

    static String text(Document document) {
        return MAPPER.writeValueAsString(document) + "\n";
    }

    /** The same as one line: the last of a command that prints a document for each event. */
    static String line(Document document) {
        return LINES.writeValueAsString(document) + "\n";
    }

    /** A refusal, as {@code diff}, {@code build} and {@code explain} list them. */
    record Refusal(String code, String symbol, String message, String remedy) {
        static List<Refusal> all(List<Problem> problems) {
            return problems.stream()
                    .map(p -> new Refusal(p.code(), p.place(), p.message(), p.remedy()))
                    .toList();
        }
    }

    /** Any command that could not do what it was asked for ({@code failure.schema.json}). */
    record Failure(int schemaVersion, int exitStatus, List<Problem> problems) implements Document {
        static Failure of(ExitStatus status, List<Problem> problems) {
            return new Failure(SCHEMA_VERSION, status.code(), problems);
        }
    }

    /** {@code diff.schema.json}. */
    record Diff(
            int schemaVersion,
            String verdict,
            List<String> changed,
            @com.fasterxml.jackson.annotation.JsonProperty("new") List<String> added,
            List<String> removed,
            List<String> data,
            List<Refusal> refusals)
            implements Document {
        static Diff of(ChangeSet changes) {
            return new Diff(
                    SCHEMA_VERSION,
                    changes.verdict().word(),
                    changes.changed(),
                    changes.added(),
                    changes.removed(),
                    changes.data(),
                    Refusal.all(changes.refusals()));
        }
    }

    /** The replaced functions of one target object. */
    record PatchedObject(String name, List<String> functions) {
        static List<PatchedObject> all(List<Manifest.TargetObject> objects) {
            return objects.stream()
                    .map(o ->
                            new PatchedObject(
                                    o.name(),
                                    o.functions().stream()
                                            .map(Manifest.PatchedFunction::name)
                                            .sorted()
                                            .toList()))
                    .toList();
        }
    }

    /** What a build can end with, if not with an exit status of its own. */
    enum BuildVerdict {
        built,
        unchanged,
        refused
    }

    /** {@code build.schema.json}; the paths are null where there is no module. */
    record Build(
            int schemaVersion,
            BuildVerdict verdict,
            Optional<String> module,
            Optional<String> manifest,
            List<PatchedObject> objects,
            List<String> warnings,
            List<Refusal> refusals)
            implements Document {}

    /** {@code explain.schema.json}: {@code built} says that a module could be built. */
    record Explain(
            int schemaVersion,
            BuildVerdict verdict,
            List<PatchedObject> objects,
            List<String> warnings,
            List<Refusal> refusals)
            implements Document {}

    /** {@code test.schema.json}. */
    record Test(
            int schemaVersion,
            String verdict,
            String module,
            String kernel,
            String buildId,
            Proof proof)
            implements Document {}

    /** A symbol of the kernel, or of a module, that is not exported. */
    record KlpSymbol(String object, String name, int sympos) {}

    /** The klp relocations of one section. */
    record KlpRelocations(String object, String section, int count) {}

    /** {@code inspect.schema.json}; without a manifest it is no livepatch of Rebootless. */
    record Inspect(
            int schemaVersion,
            String file,
            String sha256,
            String name,
            String vermagic,
            boolean livepatch,
            boolean signed,
            List<PatchedObject> objects,
            List<KlpSymbol> klpSymbols,
            List<KlpRelocations> klpRelocations,
            List<String> imports,
            Optional<Manifest> manifest)
            implements Document {}

    /** {@code rebuild.schema.json}. */
    record Rebuild(
            int schemaVersion,
            String verdict,
            String module,
            String sha256,
            String rebuiltSha256,
            Optional<Difference> firstDifference)
            implements Document {}

    /** Where two modules begin to differ. */
    record Difference(long offset, String section) {}

    /** One kit, in {@code kit.schema.json}. */
    record OneKit(
            String folder,
            String release,
            String buildId,
            String packageVersion,
            String sourcePackage,
            String sourceVersion,
            List<KitFacts.UsedPackage> packages,
            Optional<KitFacts.Toolchain> toolchain,
            KitFacts.Compiler compiler,
            TreeMap<String, String> config,
            String vermagic,
            String imageSha256,
            long diskBytes,
            String created) {
        static OneKit of(Kit kit) {
            KitFacts facts = kit.facts();
            return new OneKit(
                    kit.folder().toString(),
                    facts.release(),
                    facts.buildId(),
                    facts.packageVersion(),
                    facts.sourcePackage(),
                    facts.sourceVersion(),
                    facts.packages(),
                    facts.toolchain(),
                    facts.compiler(),
                    new TreeMap<>(facts.config()),
                    facts.vermagic(),
                    facts.imageSha256(),
                    facts.diskBytes(),
                    facts.created().toString());
        }
    }

    /** {@code kits.schema.json}: what the kit commands print, whether of one kit or of several. */
    record KitList(int schemaVersion, List<OneKit> kits) implements Document {
        static KitList of(List<Kit> kits) {
            return new KitList(SCHEMA_VERSION, kits.stream().map(OneKit::of).toList());
        }
    }
}
