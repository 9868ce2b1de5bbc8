package dev.rebootless.livepatch;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfRelocation;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfSymbol;
import dev.rebootless.elf.RelocationTable;
import dev.rebootless.elf.SymbolPlace;
import dev.rebootless.kernel.Btf;
import dev.rebootless.kernel.ShippedCode;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * The part of a livepatch module that tells the kernel what it is: struct module, struct klp_patch
 * with its objects and functions (include/linux/livepatch.h), and the two functions that the module
 * loader calls. All layouts are those of the kernel's own BTF; no C is compiled.
 */
final class Descriptor {
    /**
     * A replaced function: its name and sympos in the target object, and the symbol of its new
     * body.
     */
    record Function(String name, int sympos, ElfSymbol body) {}

    /** The section with struct klp_patch and all that it points at. */
    static final String DATA = ".data.livepatch";

    /** The section with all functions of the descriptor. */
    static final String CODE = ".text.livepatch";

    /** The symbol of struct klp_patch. */
    static final String PATCH = "rebootless_patch";

    private final Btf btf;
    private final List<ElfRelocation> dataFields = new ArrayList<>();
    private final ByteArrayOutputStream strings = new ByteArrayOutputStream();

    private Descriptor(Btf btf) {
        this.btf = btf;
    }

    /**
     * What belongs into the module; the bodies and what the kernel exports are referred to as they
     * are.
     */
    record Parts(
            List<ElfSection> sections, List<ElfSymbol> symbols, List<RelocationTable> tables) {}

    /**
     * Writes the descriptor.
     *
     * @param functions by the name of their target object
     * @param notes for each target object but vmlinux the build-id note of the module as shipped,
     *     {@value BuildGuard#NOTE_BYTES} bytes
     * @param module the module's name, below the size of the field in struct module (56 bytes with
     *     the zero)
     * @param enable undefined symbol of {@code klp_enable_patch}
     * @param returnThunk undefined symbol of {@code __x86_return_thunk}: how functions return on
     *     this kernel
     */
    static Parts write(
            Btf btf,
            String module,
            boolean replace,
            SequencedMap<String, List<Function>> functions,
            Map<String, byte[]> notes,
            ElfSymbol enable,
            ElfSymbol returnThunk) {
        return new Descriptor(btf).parts(module, replace, functions, notes, enable, returnThunk);
    }

    private Parts parts(
            String module,
            boolean replace,
            SequencedMap<String, List<Function>> functions,
            Map<String, byte[]> notes,
            ElfSymbol enable,
            ElfSymbol returnThunk) {
        Btf.Struct moduleStruct = Layouts.struct(btf, "module");
        Btf.Struct patch = Layouts.struct(btf, "klp_patch");
        Btf.Struct object = Layouts.struct(btf, "klp_object");
        Btf.Struct func = Layouts.struct(btf, "klp_func");

        // One writable section: patch, objects and a zeroed one that ends their list, and for each
        // object its functions and a zeroed one.
        int patchAt = 0;
        int objectsAt = align(patchAt + (int) patch.size());
        int size = align(objectsAt + (functions.size() + 1) * (int) object.size());
        List<Integer> functionsAt = new ArrayList<>();
        for (List<Function> ofOne : functions.values()) {
            functionsAt.add(size);
            size = align(size + (ofOne.size() + 1) * (int) func.size());
        }
        ByteBuffer data = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        data.put(patchAt + Layouts.offset(patch, "replace"), (byte) (replace ? 1 : 0));

        ElfSection thisModule =
                LinkedObject.data(
                        ".gnu.linkonce.this_module", 64, moduleHead(moduleStruct, module));
        ElfSymbol thisModuleSymbol =
                new ElfSymbol(
                        "__this_module",
                        0,
                        moduleStruct.size(),
                        Elf.STT_OBJECT,
                        Elf.STB_GLOBAL,
                        0,
                        new SymbolPlace.In(thisModule));

        List<StringField> names = new ArrayList<>();
        List<Callback> callbacks = new ArrayList<>();
        int number = 0;
        for (Map.Entry<String, List<Function>> target : functions.entrySet()) {
            // The name of vmlinux stays NULL (include/linux/livepatch.h, struct klp_object).
            if (!target.getKey().equals(ShippedCode.VMLINUX)) {
                int at = objectsAt + number * (int) object.size();
                names.add(
                        new StringField(
                                at + Layouts.offset(object, "name"), string(target.getKey())));
                callbacks.add(
                        new Callback(
                                at
                                        + Layouts.offset(object, "callbacks")
                                        + Layouts.offset(
                                                Layouts.struct(btf, "klp_callbacks"), "pre_patch"),
                                string(Objects.requireNonNull(notes.get(target.getKey()))),
                                CALLBACKS_AT + callbacks.size() * BuildGuard.CALLBACK_BYTES));
            }
            int at = functionsAt.get(number++);
            for (Function function : target.getValue()) {
                names.add(
                        new StringField(
                                at + Layouts.offset(func, "old_name"), string(function.name())));
                dataFields.add(
                        new ElfRelocation(
                                at + Layouts.offset(func, "new_func"),
                                Elf.R_X86_64_64,
                                function.body(),
                                0));
                data.putLong(at + Layouts.offset(func, "old_sympos"), function.sympos());
                at += (int) func.size();
            }
        }
        Optional<BuildGuard.Comparison> guard =
                callbacks.isEmpty() ? Optional.empty() : Optional.of(BuildGuard.comparison(btf));
        ElfSection text =
                ElfSection.progbits(
                        CODE, Elf.SHF_ALLOC | Elf.SHF_EXECINSTR, 16, code(guard, callbacks));
        ElfSection rodata =
                ElfSection.progbits(".rodata.livepatch", Elf.SHF_ALLOC, 1, strings.toByteArray());
        ElfSection dataSection = LinkedObject.data(DATA, 64, data.array());
        ElfSymbol rodataSymbol = ElfSymbol.ofSection(rodata);
        ElfSymbol dataSymbol = ElfSymbol.ofSection(dataSection);
        ElfSymbol patchSymbol =
                new ElfSymbol(
                        PATCH,
                        patchAt,
                        patch.size(),
                        Elf.STT_OBJECT,
                        Elf.STB_LOCAL,
                        0,
                        new SymbolPlace.In(dataSection));
        ElfSymbol init =
                new ElfSymbol(
                        "init_module",
                        0,
                        INIT_SIZE,
                        Elf.STT_FUNC,
                        Elf.STB_GLOBAL,
                        0,
                        new SymbolPlace.In(text));
        ElfSymbol exit =
                new ElfSymbol(
                        "cleanup_module",
                        EXIT_AT,
                        EXIT_SIZE,
                        Elf.STT_FUNC,
                        Elf.STB_GLOBAL,
                        0,
                        new SymbolPlace.In(text));
        List<ElfSymbol> symbols = new ArrayList<>();
        List<ElfRelocation> codeFields = new ArrayList<>();
        codeFields.addAll(
                List.of(
                        new ElfRelocation(7, Elf.R_X86_64_32S, dataSymbol, patchAt),
                        new ElfRelocation(12, Elf.R_X86_64_PLT32, enable, -4),
                        new ElfRelocation(17, Elf.R_X86_64_PLT32, returnThunk, -4),
                        new ElfRelocation(EXIT_AT + 5, Elf.R_X86_64_PLT32, returnThunk, -4)));
        if (guard.isPresent()) {
            int at = CALLBACKS_AT + callbacks.size() * BuildGuard.CALLBACK_BYTES;
            ElfSymbol comparison =
                    function(text, BuildGuard.COMPARISON, at, guard.get().code().length);
            symbols.add(comparison);
            for (int field : guard.get().returns()) {
                codeFields.add(new ElfRelocation(at + field, Elf.R_X86_64_PLT32, returnThunk, -4));
            }
            for (Callback callback : callbacks) {
                ElfSymbol symbol =
                        function(
                                text,
                                BuildGuard.CALLBACK + (symbols.size() - 1),
                                callback.code(),
                                BuildGuard.CALLBACK_BYTES);
                symbols.add(symbol);
                dataFields.add(new ElfRelocation(callback.at(), Elf.R_X86_64_64, symbol, 0));
                codeFields.add(
                        new ElfRelocation(
                                callback.code() + BuildGuard.NOTE_FIELD,
                                Elf.R_X86_64_32S,
                                rodataSymbol,
                                callback.note()));
                codeFields.add(
                        new ElfRelocation(
                                callback.code() + BuildGuard.JUMP_FIELD,
                                Elf.R_X86_64_PLT32,
                                comparison,
                                -4));
            }
        }
        symbols.addAll(
                List.of(rodataSymbol, dataSymbol, patchSymbol, thisModuleSymbol, init, exit));
        names.forEach(f ->
                dataFields.add(
                        new ElfRelocation(f.at(), Elf.R_X86_64_64, rodataSymbol, f.string())));
        dataFields.add(
                new ElfRelocation(
                        patchAt + Layouts.offset(patch, "mod"),
                        Elf.R_X86_64_64,
                        thisModuleSymbol,
                        0));
        dataFields.add(
                new ElfRelocation(
                        patchAt + Layouts.offset(patch, "objs"),
                        Elf.R_X86_64_64,
                        dataSymbol,
                        objectsAt));
        for (int i = 0; i < functionsAt.size(); i++) {
            dataFields.add(
                    new ElfRelocation(
                            objectsAt + i * object.size() + Layouts.offset(object, "funcs"),
                            Elf.R_X86_64_64,
                            dataSymbol,
                            functionsAt.get(i)));
        }

        return new Parts(
                List.of(thisModule, text, rodata, dataSection),
                List.copyOf(symbols),
                List.of(
                        RelocationTable.of(
                                thisModule,
                                List.of(
                                        new ElfRelocation(
                                                Layouts.offset(moduleStruct, "init"),
                                                Elf.R_X86_64_64,
                                                init,
                                                0),
                                        new ElfRelocation(
                                                Layouts.offset(moduleStruct, "exit"),
                                                Elf.R_X86_64_64,
                                                exit,
                                                0))),
                        RelocationTable.of(text, codeFields),
                        RelocationTable.of(dataSection, dataFields)));
    }

    private record StringField(long at, long string) {}

    /**
     * What lets the kernel patch one build of a module only.
     *
     * @param at the field of the pointer to it, in {@link #DATA}
     * @param note the module's, in the strings
     * @param code where it begins, in {@link #CODE}
     */
    private record Callback(long at, long note, int code) {}

    /** Where cleanup_module begins, and how long both functions are. */
    private static final int INIT_SIZE = 21;

    private static final int EXIT_AT = 32;
    private static final int EXIT_SIZE = 9;

    /** Where the callbacks begin, one behind the other, and then the comparison. */
    private static final int CALLBACKS_AT = 48;

    /**
     * {@code endbr64}: the loader calls both through pointers, which faults without it on kernels
     * with IBT; on others it is a NOP.
     */
    private static final byte[] ENDBR64 = {(byte) 0xf3, 0x0f, 0x1e, (byte) 0xfa};

    /**
     * {@code int init_module(void) { return klp_enable_patch(&patch); } void cleanup_module(void)
     * {}}, returning as functions of a kernel with return thunks do (arch/x86/Makefile,
     * RETHUNK_CFLAGS); and behind them what {@link BuildGuard} needs.
     */
    private static byte[] code(Optional<BuildGuard.Comparison> guard, List<Callback> callbacks) {
        int comparison = CALLBACKS_AT + callbacks.size() * BuildGuard.CALLBACK_BYTES;
        byte[] code =
                new byte[guard.map(g -> comparison + g.code().length).orElse(EXIT_AT + EXIT_SIZE)];
        java.util.Arrays.fill(code, (byte) 0xcc);
        ByteBuffer out = ByteBuffer.wrap(code);
        out.put(ENDBR64);
        out.put(new byte[] {0x48, (byte) 0xc7, (byte) 0xc7, 0, 0, 0, 0}); // mov $patch, %rdi
        out.put(new byte[] {(byte) 0xe8, 0, 0, 0, 0}); // call klp_enable_patch
        out.put(new byte[] {(byte) 0xe9, 0, 0, 0, 0}); // jmp __x86_return_thunk
        out.position(EXIT_AT);
        out.put(ENDBR64);
        out.put(new byte[] {(byte) 0xe9, 0, 0, 0, 0}); // jmp __x86_return_thunk
        callbacks.forEach(c -> out.put(c.code(), BuildGuard.callback()));
        guard.ifPresent(g -> out.put(comparison, g.code()));
        return code;
    }

    private static ElfSymbol function(ElfSection text, String name, int at, int size) {
        return new ElfSymbol(
                name, at, size, Elf.STT_FUNC, Elf.STB_LOCAL, 0, new SymbolPlace.In(text));
    }

    private static int align(int offset) {
        return (offset + 7) / 8 * 8;
    }

    private static byte[] moduleHead(Btf.Struct moduleStruct, String name) {
        byte[] head = new byte[(int) moduleStruct.size()];
        byte[] bytes = name.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(bytes, 0, head, Layouts.offset(moduleStruct, "name"), bytes.length);
        return head;
    }

    private int string(String text) {
        int at = string(text.getBytes(StandardCharsets.ISO_8859_1));
        strings.write(0);
        return at;
    }

    private int string(byte[] bytes) {
        int at = strings.size();
        strings.writeBytes(bytes);
        return at;
    }

    /**
     * The {@code .modinfo} of a livepatch (include/linux/moduleparam.h, MODULE_INFO:
     * zero-terminated tag=value).
     *
     * @param namespaces of symbols that it imports
     */
    static ElfSection modinfo(
            String module, String vermagic, String description, List<String> namespaces) {
        Map<String, String> tags = new LinkedHashMap<>();
        tags.put("license", "GPL");
        tags.put("livepatch", "Y");
        tags.put("description", description);
        tags.put("depends", "");
        tags.put("retpoline", "Y");
        tags.put("name", module);
        tags.put("vermagic", vermagic);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        tags.forEach((tag, value) -> {
            out.writeBytes((tag + "=" + value).getBytes(StandardCharsets.UTF_8));
            out.write(0);
        });
        for (String namespace : namespaces) {
            out.writeBytes(("import_ns=" + namespace).getBytes(StandardCharsets.UTF_8));
            out.write(0);
        }
        return ElfSection.progbits(".modinfo", Elf.SHF_ALLOC, 1, out.toByteArray());
    }

    /** The {@code __versions} of a module: struct modversion_info for each imported symbol. */
    static ElfSection versions(Btf btf, List<Resolution.Exported> imports) {
        Btf.Struct info = Layouts.struct(btf, "modversion_info");
        int size = (int) info.size();
        int nameAt = Layouts.offset(info, "name");
        ByteBuffer out = ByteBuffer.allocate(size * imports.size()).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < imports.size(); i++) {
            byte[] name = imports.get(i).name().getBytes(StandardCharsets.US_ASCII);
            if (name.length >= size - nameAt) {
                throw RebootlessException.refused(
                        "RBL-NAME-LENGTH",
                        imports.get(i).name(),
                        "its name is too long for __versions",
                        "report it with the patch");
            }
            out.putLong(
                    i * size + Layouts.offset(info, "crc"),
                    Integer.toUnsignedLong(imports.get(i).crc()));
            out.put(i * size + nameAt, name);
        }
        return ElfSection.progbits("__versions", Elf.SHF_ALLOC, 32, out.array());
    }

    /**
     * An ELF note (gABI, "Note Section"): sizes, type, name and content, each padded to 4 bytes.
     */
    static ElfSection note(String section, String name, int type, byte[] content) {
        byte[] owner = (name + "\0").getBytes(StandardCharsets.US_ASCII);
        ByteBuffer out =
                ByteBuffer.allocate(12 + (owner.length + 3) / 4 * 4 + (content.length + 3) / 4 * 4)
                        .order(ByteOrder.LITTLE_ENDIAN);
        out.putInt(owner.length).putInt(content.length).putInt(type).put(owner);
        out.position(12 + (owner.length + 3) / 4 * 4);
        out.put(content);
        return ElfSection.of(section, Elf.SHT_NOTE, Elf.SHF_ALLOC, 0, 4, 0, out.array());
    }
}
