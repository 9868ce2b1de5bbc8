package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.diff.ChangeSet;
import dev.rebootless.diff.Extraction;
import dev.rebootless.diff.Extractor;
import dev.rebootless.diff.Item;
import dev.rebootless.diff.ObjectDiff;
import dev.rebootless.diff.SourceLines;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.livepatch.runpre.UnitMatch;
import dev.rebootless.source.compile.ObjectPair;
import dev.rebootless.source.compile.UnitCommands;
import dev.rebootless.source.compile.UnitCompiler;
import dev.rebootless.source.kit.Kit;
import dev.rebootless.source.patch.PatchedTree;
import dev.rebootless.source.patch.SourcePatch;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A unit with constants that the boot writes: what the two forms do not agree on is refused. */
class VariableFormTest {
    private static final Kit KIT = StockKernelKit.get(StockKernelKit.IBT_LINE);
    private static final UnitMatch NOTHING_PROVEN = new UnitMatch(Map.of(), Map.of(), Map.of());

    @TempDir static Path folder;

    /** Of the dentry cache, whose hash table such constants name. */
    private static Optional<ObjectPair> dentries = Optional.empty();

    @BeforeAll
    static void aPair() {
        dentries = Optional.of(compile("6.12/dentry-hits", "fs/dcache.c"));
    }

    private static ObjectPair compile(String patch, String unit) {
        UnitCompiler compiler =
                new UnitCompiler(
                        KIT.kernelTree(),
                        Optional.of(KIT.facts().compiler().version()),
                        KIT.facts().release() + "/" + KIT.facts().buildId());
        PatchedTree tree =
                PatchedTree.apply(KIT.tree(), SourcePatch.read(List.of(Patches.patch(patch))));
        return compiler.compile(
                        tree,
                        List.of(new UnitCommands(KIT.kernelTree()).of(unit)),
                        folder.resolve(patch),
                        Progress.SILENT)
                .getFirst();
    }

    private static List<String> constants(Path object) {
        return ElfReader.read(object).sections().stream()
                .map(ElfSection::name)
                .filter(name -> name.startsWith("runtime_"))
                .sorted()
                .toList();
    }

    private static ChangeSet compare(Path original, Path patched) {
        return ObjectDiff.compare(
                ElfReader.read(original), ElfReader.read(patched), SourceLines.ARE_PINNED);
    }

    private static Problem refusal(Runnable step) {
        RebootlessException e = catchThrowableOfType(RebootlessException.class, step::run);
        assertThat(e).as("a refusal").isNotNull();
        assertThat(e.status()).isEqualTo(ExitStatus.REFUSED);
        assertThat(e.problems()).allMatch(p -> p.code().equals("RBL-RUNTIME-CONSTANT"));
        return e.problems().getFirst();
    }

    @Test
    void aUnitWithSuchConstantsIsCompiledInBothFormsAndAnotherOnce() {
        ObjectPair pair = dentries.orElseThrow();
        ObjectPair.Shipped shipped = pair.shipped().orElseThrow();
        assertThat(constants(shipped.original()))
                .contains("runtime_ptr_dentry_hashtable", "runtime_shift_d_hash_shift");
        assertThat(constants(shipped.patched())).isEqualTo(constants(shipped.original()));
        assertThat(constants(pair.original())).isEmpty();
        assertThat(constants(pair.patched())).isEmpty();
        assertThat(compile("version-line", "fs/proc/version.c").shipped()).isEmpty();
    }

    @Test
    void aFunctionThatThePatchChangesInTheShippedFormOnlyIsRefused() {
        ObjectPair pair = dentries.orElseThrow();
        ObjectPair.Shipped shipped = pair.shipped().orElseThrow();
        ChangeSet changes = compare(pair.original(), pair.patched());
        VariableForm sound = new VariableForm(pair, shipped, changes);
        assertThatCode(sound::requireSameChanges).doesNotThrowAnyException();

        ChangeSet none = compare(pair.original(), pair.original());
        VariableForm form = new VariableForm(pair, shipped, none);
        assertThat(refusal(form::requireSameChanges).place()).isEqualTo("__d_lookup_rcu");
    }

    /** Another unit stands for a shipped form in which nothing can be told. */
    @Test
    void whatTheShippedFormDoesNotHaveIsNeitherProvenNorGuessed() {
        ObjectPair pair = dentries.orElseThrow();
        ChangeSet changes = compare(pair.original(), pair.patched());
        Extraction extraction = Extractor.extract(changes);
        VariableForm sound = new VariableForm(pair, pair.shipped().orElseThrow(), changes);
        assertThatCode(() -> sound.requireKnown(extraction, NOTHING_PROVEN))
                .as("names that are the same in both forms")
                .doesNotThrowAnyException();

        Path other = compile("version-line", "fs/proc/version.c").original();
        VariableForm form = new VariableForm(pair, new ObjectPair.Shipped(other, other), changes);
        UnitMatch match = form.bringOver(NOTHING_PROVEN);
        for (Item item : changes.replacedCode()) {
            assertThat(match.address(item)).isEmpty();
            assertThat(match.mismatch(item).orElseThrow().reason()).contains("no such function");
        }
        assertThat(refusal(() -> form.requireKnown(extraction, match)).message())
                .contains("cannot be told");
    }
}
