package dev.rebootless.build.runpre;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.Problem;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.build.Build;
import dev.rebootless.build.BuildOutcome;
import dev.rebootless.build.BuildRequest;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.elf.RelocationTable;
import dev.rebootless.elf.SymbolPlace;
import dev.rebootless.kernel.Btf;
import dev.rebootless.kernel.SymbolVersions;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.ManifestJson;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A finished module has the form that the kernel's module loader and livepatch core ask for. */
final class ModuleStructureTest {
    private static final StockKit KIT = StockKit.newest();

    /** kernel/livepatch/core.c, klp_resolve_symbols(). */
    private static final Pattern KLP_SYMBOL =
            Pattern.compile("\\.klp\\.sym\\.([^.]{1,55})\\.([^,]{1,511}),(\\d+)");

    @TempDir private static Path folder;

    private static List<Path> patches = List.of();
    private static BuildOutcome.@org.jspecify.annotations.Nullable Built outcome;
    private static @org.jspecify.annotations.Nullable ElfObject linked;

    @BeforeAll
    static void buildAModuleOfTwoUnitsWithStaticsOfTheSameNames() {
        patches =
                List.of(
                        patchOf("fs/proc/cmdline.c", "cmdline_proc_show", 3, "one"),
                        patchOf("fs/proc/version.c", "version_proc_show", 5, "two"));
        outcome = build(folder.resolve("out"));
        linked = ElfReader.read(outcome.module());
    }

    private static Path patchOf(String unit, String function, int state, String word) {
        Path tree = KIT.kit().tree();
        return Patches.edit(
                tree,
                unit,
                text ->
                        text.replace(
                                        "static int " + function,
                                        """
                                        static int rb_state[16] = { %d };
                                        static __attribute__((noipa)) int rb_helper(struct seq_file *m)
                                        {
                                        	seq_puts(m, "%s");
                                        	WARN_ON_ONCE(rb_state[0] > 1000);
                                        	return ++rb_state[0];
                                        }

                                        static int %s\
                                        """
                                                .formatted(state, word, function))
                                .replace(
                                        "\treturn 0;\n}\n\nstatic int __init",
                                        "\trb_helper(m);\n\treturn 0;\n}\n\nstatic int __init"),
                folder);
    }

    private static BuildOutcome.Built build(Path out) {
        BuildOutcome built =
                new Build(KIT.kit(), Progress.SILENT, false)
                        .run(
                                new BuildRequest(
                                        patches,
                                        out,
                                        Optional.of("structure"),
                                        true,
                                        List.of(),
                                        false,
                                        Optional.empty()));
        assertThat(built).isInstanceOf(BuildOutcome.Built.class);
        return (BuildOutcome.Built) built;
    }

    private static ElfObject module() {
        return java.util.Objects.requireNonNull(linked);
    }

    private static BuildOutcome.Built built() {
        return java.util.Objects.requireNonNull(outcome);
    }

    private static ElfSection section(String name) {
        assertThat(module().sectionsNamed(name)).as(name).hasSize(1);
        return module().sectionsNamed(name).getFirst();
    }

    private static boolean isKlp(ElfSymbol symbol) {
        return symbol.place().equals(SymbolPlace.LIVEPATCH);
    }

    @Test
    void theSameInputsGiveTheSameBytes() throws IOException {
        BuildOutcome.Built again = build(folder.resolve("again"));

        assertThat(Files.mismatch(built().module(), again.module())).isEqualTo(-1);
        assertThat(Files.mismatch(built().json(), again.json())).isEqualTo(-1);
    }

    @Test
    void readelfFindsNothingToComplainAbout() {
        Subprocess.Result result =
                Subprocess.of(
                                "readelf",
                                "-W",
                                "-h",
                                "-S",
                                "-r",
                                "-s",
                                "-n",
                                built().module().toString())
                        .run();

        assertThat(result.ok()).isTrue();
        assertThat(result.err()).isEmpty();
        // binutils shows sections indexes that it does not know as OS [0xff20]: SHN_LIVEPATCH.
        assertThat(
                        result.out()
                                .lines()
                                .filter(l -> l.contains(".klp.sym.") && l.contains("GLOBAL")))
                .isNotEmpty()
                .allMatch(l -> l.contains("OS [0xff20]"));
    }

    @Test
    void ordinaryRelocationsAreOnTheModuleItselfOrOnExportedSymbols() {
        for (RelocationTable table : module().relocationTables()) {
            if (table.isLivepatch()) {
                continue;
            }
            for (ElfRelocation relocation : table.relocations()) {
                ElfSymbol symbol = relocation.symbol();
                assertThat(isKlp(symbol)).as(table.name() + " " + symbol).isFalse();
                if (symbol.isUndefined()) {
                    assertThat(KIT.exports().export(symbol.name()))
                            .as(symbol.name())
                            .hasValueSatisfying(e -> {
                                assertThat(e.fromVmlinux()).isTrue();
                                assertThat(e.namespace()).isEmpty();
                            });
                }
            }
        }
    }

    @Test
    void klpRelocationSectionsHaveTheFlagsNamesAndSymbolsThatTheCoreAsksFor() {
        List<RelocationTable> tables =
                module().relocationTables().stream().filter(RelocationTable::isLivepatch).toList();
        assertThat(tables).isNotEmpty();
        long flags = Elf.SHF_RELA_LIVEPATCH | Elf.SHF_INFO_LINK | Elf.SHF_ALLOC;
        for (RelocationTable table : tables) {
            assertThat(table.flags()).as(table.name()).isEqualTo(flags);
            assertThat(table.name()).isEqualTo(".klp.rela.vmlinux." + table.target().name());
            assertThat(table.target().isAllocated()).isTrue();
            assertThat(table.relocations()).isNotEmpty();
            for (ElfRelocation relocation : table.relocations()) {
                assertThat(isKlp(relocation.symbol())).as(relocation.symbol().name()).isTrue();
                Matcher name = KLP_SYMBOL.matcher(relocation.symbol().name());
                assertThat(name.matches()).as(relocation.symbol().name()).isTrue();
                assertThat(name.group(1)).isEqualTo("vmlinux");
                int position = Integer.parseInt(name.group(3));
                int count = KIT.image().symbols().named(name.group(2)).size();
                assertThat(position)
                        .as(relocation.symbol().name())
                        .isBetween(count == 1 ? 0 : 1, count == 1 ? 0 : count);
            }
        }
    }

    @Test
    void noSymbolIsLeftUndefinedButExports() {
        assertThat(module().symbols().stream().filter(ElfSymbol::isUndefined).map(ElfSymbol::name))
                .isNotEmpty()
                .allMatch(n -> KIT.exports().export(n).isPresent());
    }

    @Test
    void onlyWhatIsLoadedIsLeft() {
        assertThat(module().sections())
                .noneMatch(s -> s.name().startsWith(".discard"))
                .allMatch(ElfSection::isAllocated);
        assertThat(module().sections().stream().map(ElfSection::name))
                .doesNotHaveDuplicates()
                .contains(".orc_unwind", ".orc_unwind_ip", "__mcount_loc", "__bug_table");
    }

    private static Map<String, String> modinfo(byte[] content) {
        Map<String, String> tags = new TreeMap<>();
        for (String tag : new String(content, StandardCharsets.UTF_8).split("\0")) {
            if (!tag.isEmpty()) {
                String[] parts = tag.split("=", 2);
                tags.put(parts[0], parts[1]);
            }
        }
        return tags;
    }

    private static ElfObject stockModule() throws IOException {
        try (Stream<Path> files = Files.walk(KIT.kit().modules())) {
            return ElfReader.read(
                    files.filter(f -> f.toString().endsWith(".ko"))
                            .sorted()
                            .findFirst()
                            .orElseThrow());
        }
    }

    @Test
    void modinfoSaysLivepatchAndHasTheVermagicOfTheStockModules() throws IOException {
        Map<String, String> ours = modinfo(section(".modinfo").content());
        Map<String, String> stock =
                modinfo(stockModule().section(".modinfo").orElseThrow().content());

        assertThat(ours)
                .containsEntry("livepatch", "Y")
                .containsEntry("license", "GPL")
                .containsEntry("name", "livepatch_structure")
                .containsEntry("vermagic", stock.get("vermagic"))
                .containsEntry("retpoline", stock.get("retpoline"));
    }

    @Test
    void versionsNamesEveryImportAndModuleLayoutWithItsChecksum() {
        Map<String, Integer> expected = new TreeMap<>();
        module().symbols().stream()
                .filter(ElfSymbol::isUndefined)
                .map(ElfSymbol::name)
                .filter(n -> !n.isEmpty())
                .forEach(n -> expected.put(n, crc(n)));
        expected.put("module_layout", crc("module_layout"));

        // include/linux/module.h, struct modversion_info: unsigned long crc, char name[56].
        ByteBuffer table =
                ByteBuffer.wrap(section("__versions").content()).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(table.remaining() % 64).isZero();
        Map<String, Integer> found = new TreeMap<>();
        while (table.hasRemaining()) {
            long crc = table.getLong();
            byte[] name = new byte[56];
            table.get(name);
            assertThat(crc >>> 32).isZero();
            found.put(text(name, 0), (int) crc);
        }
        assertThat(found).isEqualTo(expected);
    }

    private static int crc(String name) {
        return KIT.exports().export(name).map(SymbolVersions.Export::crc).orElseThrow();
    }

    private static String text(byte[] bytes, int at) {
        int end = at;
        while (bytes[end] != 0) {
            end++;
        }
        return new String(bytes, at, end - at, StandardCharsets.UTF_8);
    }

    private static Optional<ElfRelocation> at(ElfObject object, ElfSection section, long offset) {
        return object.relocations(section).stream().filter(r -> r.offset() == offset).findFirst();
    }

    @Test
    void structModuleHasSizeInitAndExitAsInAStockModule() throws IOException {
        ElfObject stock = stockModule();
        ElfSection theirs = stock.section(".gnu.linkonce.this_module").orElseThrow();
        ElfSection ours = section(".gnu.linkonce.this_module");

        assertThat(ours.size()).isEqualTo(theirs.size());
        for (String function : List.of("init_module", "cleanup_module")) {
            long offset =
                    stock.relocations(theirs).stream()
                            .filter(r -> r.symbol().name().equals(function))
                            .findFirst()
                            .orElseThrow()
                            .offset();
            assertThat(at(module(), ours, offset))
                    .hasValueSatisfying(r -> assertThat(r.symbol().name()).isEqualTo(function));
        }
        Btf.Struct struct = KIT.image().btf().struct("module").orElseThrow();
        assertThat(text(ours.content(), struct.field("name").orElseThrow().offset()))
                .isEqualTo("livepatch_structure");
    }

    @Test
    void theDescriptorNamesTheReplacedFunctionsAndEndsInZeros() {
        Btf btf = KIT.image().btf();
        Btf.Struct patch = btf.struct("klp_patch").orElseThrow();
        Btf.Struct object = btf.struct("klp_object").orElseThrow();
        Btf.Struct func = btf.struct("klp_func").orElseThrow();
        ElfSymbol symbol = module().symbolsNamed("rebootless_patch").getFirst();
        ElfSection data = symbol.section().orElseThrow();
        long patchAt = symbol.value();

        assertThat(data.content()[(int) patchAt + patch.field("replace").orElseThrow().offset()])
                .isEqualTo((byte) 1);
        assertThat(at(module(), data, patchAt + patch.field("mod").orElseThrow().offset()))
                .hasValueSatisfying(r -> assertThat(r.symbol().name()).isEqualTo("__this_module"));
        long objects =
                place(at(module(), data, patchAt + patch.field("objs").orElseThrow().offset()));
        long functions =
                place(at(module(), data, objects + object.field("funcs").orElseThrow().offset()));
        assertThat(at(module(), data, objects + object.field("name").orElseThrow().offset()))
                .as("the name of vmlinux is NULL")
                .isEmpty();
        assertThat(isZero(data, objects + object.size(), object.size())).isTrue();

        List<String> names = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            long one = functions + i * func.size();
            ElfRelocation name =
                    at(module(), data, one + func.field("old_name").orElseThrow().offset())
                            .orElseThrow();
            String text =
                    text(
                            name.symbol().section().orElseThrow().content(),
                            (int) (name.symbol().value() + name.addend()));
            names.add(text);
            ElfRelocation body =
                    at(module(), data, one + func.field("new_func").orElseThrow().offset())
                            .orElseThrow();
            assertThat(body.symbol().name()).isEqualTo(text);
            assertThat(body.symbol().isFunction()).isTrue();
        }
        assertThat(names).containsExactly("cmdline_proc_show", "version_proc_show");
        assertThat(isZero(data, functions + 2 * func.size(), func.size())).isTrue();
    }

    private static long place(Optional<ElfRelocation> relocation) {
        return relocation.map(r -> r.symbol().value() + r.addend()).orElseThrow();
    }

    private static boolean isZero(ElfSection section, long from, long size) {
        byte[] bytes = Arrays.copyOfRange(section.content(), (int) from, (int) (from + size));
        return Arrays.equals(bytes, new byte[(int) size])
                && module().relocations(section).stream()
                        .noneMatch(r -> r.offset() >= from && r.offset() < from + size);
    }

    @Test
    void theNoteIsTheManifest() {
        ByteBuffer note =
                ByteBuffer.wrap(section(Manifest.NOTE_SECTION).content())
                        .order(ByteOrder.LITTLE_ENDIAN);
        int nameSize = note.getInt();
        int size = note.getInt();
        assertThat(note.getInt()).isEqualTo(Manifest.NOTE_TYPE);
        byte[] name = new byte[nameSize];
        note.get(name);
        note.position(12 + (nameSize + 3) / 4 * 4);
        byte[] content = new byte[size];
        note.get(content);

        assertThat(text(name, 0)).isEqualTo(Manifest.NOTE_NAME);
        Manifest manifest = ManifestJson.parse(new String(content, StandardCharsets.UTF_8));
        assertThat(manifest).isEqualTo(built().manifest());
        assertThat(manifest.objects().getFirst().functions())
                .extracting(Manifest.PatchedFunction::name)
                .containsExactly("cmdline_proc_show", "version_proc_show");
    }

    @Test
    void staticsOfTheSameNameInTwoUnitsKeepApart() {
        List<ElfSymbol> helpers = module().symbolsNamed("rb_helper");
        List<ElfSymbol> states = module().symbolsNamed("rb_state");
        assertThat(helpers).hasSize(2);
        assertThat(states).hasSize(2);

        Map<String, Integer> stateOfWord = new TreeMap<>();
        for (ElfSymbol helper : helpers) {
            TreeSet<String> words = new TreeSet<>();
            TreeSet<Integer> values = new TreeSet<>();
            ElfSection code = helper.section().orElseThrow();
            for (ElfRelocation relocation : module().relocations(code)) {
                boolean own =
                        relocation.offset() >= helper.value()
                                && relocation.offset() < helper.value() + helper.size();
                Optional<ElfSection> target = relocation.symbol().section();
                if (!own || target.isEmpty()) {
                    continue;
                }
                long place = relocation.symbol().value() + relocation.addend();
                for (ElfSymbol state : states) {
                    // The addend of a PC-relative field is short by the bytes to the instruction's
                    // end: 4, 5 or 8.
                    if (state.isIn(target.get())
                            && place < state.value()
                            && place >= state.value() - 8) {
                        values.add((int) target.get().content()[(int) state.value()]);
                    }
                }
                if (target.get().isStrings()) {
                    words.add(text(target.get().content(), (int) place));
                }
            }
            words.retainAll(List.of("one", "two"));
            assertThat(words).hasSize(1);
            assertThat(values).isNotEmpty();
            stateOfWord.put(words.first(), values.contains(3) && !values.contains(5) ? 3 : 5);
        }
        assertThat(stateOfWord).isEqualTo(Map.of("one", 3, "two", 5));
    }

    @Test
    void eachFunctionCallsTheHelperOfItsOwnUnit() {
        Map<String, String> wordOf = new TreeMap<>();
        for (String name : List.of("cmdline_proc_show", "version_proc_show")) {
            ElfSymbol function = module().symbolsNamed(name).getFirst();
            List<ElfSymbol> called =
                    module().relocations(function.section().orElseThrow()).stream()
                            .filter(r ->
                                    r.offset() >= function.value()
                                            && r.offset() < function.value() + function.size())
                            .flatMap(r -> helperCalledBy(r).stream())
                            .toList();
            assertThat(called).hasSize(1);
            ElfSymbol helper = called.getFirst();
            module().relocations(helper.section().orElseThrow()).stream()
                    .filter(r ->
                            r.offset() >= helper.value()
                                    && r.offset() < helper.value() + helper.size())
                    .filter(r -> r.symbol().section().filter(ElfSection::isStrings).isPresent())
                    .map(r ->
                            text(
                                    r.symbol().section().orElseThrow().content(),
                                    (int) (r.symbol().value() + r.addend())))
                    .filter(List.of("one", "two")::contains)
                    .forEach(word -> wordOf.put(name, word));
        }
        assertThat(wordOf)
                .isEqualTo(Map.of("cmdline_proc_show", "one", "version_proc_show", "two"));
    }

    /** A call's addend is -4: the distance counts from the end of the instruction. */
    private static Optional<ElfSymbol> helperCalledBy(ElfRelocation call) {
        return module().symbolsNamed("rb_helper").stream()
                .filter(h -> call.symbol().section().filter(h::isIn).isPresent())
                .filter(h -> call.symbol().value() + call.addend() + 4 == h.value())
                .findFirst();
    }

    @Test
    void noDebugPackageAndNoSystemMapIsUsed() throws IOException {
        assertThat(KIT.kit().facts().packages())
                .isNotEmpty()
                .noneMatch(p -> p.name().endsWith("-dbg"));
        try (Stream<Path> files = Files.list(KIT.kit().folder())) {
            assertThat(files.map(f -> f.getFileName().toString()))
                    .isNotEmpty()
                    .noneMatch(f -> f.contains("System.map"));
        }
    }

    @Test
    void aStaticCallGetsTheKeyOfItsTrampoline() {
        // might_resched() is a static call with CONFIG_PREEMPT_DYNAMIC; its trampoline is exported,
        // the key is exported or not.
        assertThat(module().symbolsNamed("__SCT__might_resched")).isEmpty();
        Path patch =
                Patches.insert(
                        KIT.kit().tree(),
                        "fs/proc/cmdline.c",
                        "seq_puts(m, saved_command_line);",
                        "\tmight_resched();",
                        folder);
        BuildOutcome outcome = buildOf(patch, "staticcall");
        ElfObject object = ElfReader.read(((BuildOutcome.Built) outcome).module());

        List<String> names = object.symbols().stream().map(ElfSymbol::name).toList();
        assertThat(names).anyMatch(n -> n.contains("__SCT__might_resched"));
        assertThat(names).anyMatch(n -> n.contains("__SCK__might_resched"));
        assertThat(object.sectionsNamed(".static_call_sites")).hasSize(1);
    }

    private static BuildOutcome buildOf(Path patch, String name) {
        return new Build(KIT.kit(), Progress.SILENT, false)
                .run(
                        new BuildRequest(
                                List.of(patch),
                                folder.resolve(name),
                                Optional.of(name),
                                true,
                                List.of(),
                                false,
                                Optional.empty()));
    }

    /** The module loader gives every CPU its own copy of .data..percpu alone. */
    @Test
    void aNewPerCpuVariableInASectionThatTheLoaderDoesNotKnowIsRefused() {
        Path patch =
                Patches.edit(
                        KIT.kit().tree(),
                        "fs/proc/cmdline.c",
                        text ->
                                text.replace(
                                                "static int cmdline_proc_show",
                                                "static DEFINE_PER_CPU_READ_MOSTLY(int, rb_each);\n"
                                                        + "static int cmdline_proc_show")
                                        .replace(
                                                "seq_putc(m, '\\n');",
                                                "seq_putc(m, this_cpu_inc_return(rb_each));"),
                        folder);

        RebootlessException refused =
                catchThrowableOfType(RebootlessException.class, () -> buildOf(patch, "percpu"));

        assertThat(refused).as("a refusal").isNotNull();
        assertThat(refused.problems()).extracting(Problem::code).containsExactly("RBL-SECTION");
        assertThat(refused.problems().getFirst().message()).contains(".data..percpu..read_mostly");
    }

    @Test
    void whatObjtoolWarnsOfIsRefusedAndLeavesNothing() {
        // An indirect call outside the retpoline thunks, and without the annotation for one.
        Path patch =
                Patches.insert(
                        KIT.kit().tree(),
                        "fs/proc/cmdline.c",
                        "seq_puts(m, saved_command_line);",
                        "\tasm volatile(\"call *%0\" : : \"r\" (m->op));",
                        folder);

        RebootlessException refused =
                catchThrowableOfType(RebootlessException.class, () -> buildOf(patch, "planted"));

        assertThat(refused).as("a refusal").isNotNull();
        assertThat(refused.problems())
                .extracting(Problem::code)
                .containsExactly("RBL-OBJTOOL-WARNING");
        assertThat(refused.problems().getFirst().message()).contains("indirect call");
        assertThat(folder.resolve("planted")).doesNotExist();
    }
}
