package dev.rebootless.livepatch;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.Btf;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * Code of the module that lets the kernel patch a target module only when it is the build that the
 * livepatch was made for. The kernel knows a target by its name alone, and a module of that name
 * may be of another build: by DKMS, or of a package that was upgraded while the old kernel runs.
 *
 * <p>Each module object of the livepatch has a {@code pre_patch} callback (struct klp_callbacks in
 * include/linux/livepatch.h), which looks for the build-id note of the shipped file in the
 * read-only memory of the loaded one. struct module has the build id itself only with
 * CONFIG_STACKTRACE_BUILD_ID, which Debian's kernels lack; but the note's section is loaded
 * (SHF_ALLOC) and read-only, so layout_sections() in kernel/module/main.c has put it there. The
 * callback runs before a function is replaced, both when the livepatch is enabled
 * (__klp_enable_patch() in kernel/livepatch/core.c) and when the module comes later
 * (klp_module_coming()); where it fails, the kernel refuses the livepatch or the coming module.
 *
 * <p>All offsets are those of the kernel's own BTF.
 */
final class BuildGuard {
    /** The symbol of the comparison, and how those of the callbacks begin. */
    static final String COMPARISON = "rebootless_compare_build";

    static final String CALLBACK = "rebootless_require_build_";

    /** Of a callback, which hands its note to the comparison. */
    static final int CALLBACK_BYTES = 16;

    /** Where in a callback the note's address and the way to the comparison are. */
    static final int NOTE_FIELD = 7;

    static final int JUMP_FIELD = 12;

    /**
     * A build-id note: sizes of name and content, type, "GNU", and a SHA-1 (ld's --build-id=sha1).
     */
    static final int NOTE_BYTES = 36;

    /** ENOEXEC in include/uapi/asm-generic/errno-base.h, as for a vermagic that does not match. */
    private static final int REFUSED = -8;

    private final Btf btf;
    private final ByteBuffer out = ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN);
    private final List<Integer> returns = new ArrayList<>();

    private BuildGuard(Btf btf) {
        this.btf = btf;
    }

    /**
     * The comparison, which all callbacks go on with.
     *
     * @param code x86-64 instructions
     * @param returns where in them the four bytes are that lead to the return thunk
     */
    record Comparison(byte[] code, List<Integer> returns) {}

    /**
     * {@code int callback(struct klp_object *object) { return compare(object, note); }}: starts
     * with ENDBR, as the kernel calls it through a pointer.
     */
    static byte[] callback() {
        return new byte[] {
            (byte) 0xf3,
            0x0f,
            0x1e,
            (byte) 0xfa, // endbr64
            0x48,
            (byte) 0xc7,
            (byte) 0xc6,
            0,
            0,
            0,
            0, // mov $note, %rsi
            (byte) 0xe9,
            0,
            0,
            0,
            0, // jmp compare
        };
    }

    /**
     * {@code int compare(struct klp_object *object, const void *note)}: 0 when the note is in the
     * read-only memory of {@code object->mod}, at one of the places that it can be (a note is
     * aligned to four bytes), else -ENOEXEC. It calls nothing, uses no stack, and changes only
     * registers that its caller expects to change.
     *
     * @throws RebootlessException exit status 4, {@code RBL-BTF}, when the kernel's BTF does not
     *     say where a module's read-only memory is
     */
    static Comparison comparison(Btf btf) {
        return new BuildGuard(btf).compare();
    }

    /** Where struct module has the first address of the memory, and its size as unsigned int. */
    private record Memory(int base, int size) {}

    private Comparison compare() {
        Memory memory = readOnlyMemory();
        bytes(0x48, 0x8b, 0x97).putInt(offset("klp_object", "mod")); // mov mod(%rdi), %rdx
        bytes(0x48, 0x8b, 0x82).putInt(memory.base()); // mov base(%rdx), %rax
        bytes(0x8b, 0x8a).putInt(memory.size()); // mov size(%rdx), %ecx
        bytes(0x83, 0xf9, NOTE_BYTES); // cmp $36, %ecx
        int tooSmall = shortJump(0x72); // jb fail
        bytes(0x48, 0x01, 0xc1); // add %rax, %rcx
        bytes(0x48, 0x83, 0xe9, NOTE_BYTES); // sub $36, %rcx: the last place it can be
        int loop = out.position();
        bytes(0x48, 0x39, 0xc8); // cmp %rcx, %rax
        int atEnd = shortJump(0x77); // ja fail
        List<Integer> differs = new ArrayList<>();
        for (int at = 0; at + 8 <= NOTE_BYTES; at += 8) {
            bytes(0x4c, 0x8b, 0x46, at); // mov at(%rsi), %r8
            bytes(0x4c, 0x3b, 0x40, at); // cmp at(%rax), %r8
            differs.add(shortJump(0x75)); // jne next
        }
        bytes(0x44, 0x8b, 0x46, NOTE_BYTES - 4); // mov 32(%rsi), %r8d
        bytes(0x44, 0x3b, 0x40, NOTE_BYTES - 4); // cmp 32(%rax), %r8d
        differs.add(shortJump(0x75)); // jne next
        bytes(0x31, 0xc0); // xor %eax, %eax
        returnFromIt();
        differs.forEach(this::land);
        bytes(0x48, 0x83, 0xc0, 4); // next: add $4, %rax
        bytes(0xeb, loop - (out.position() + 2)); // jmp loop
        land(tooSmall);
        land(atEnd);
        bytes(0xb8).putInt(REFUSED); // fail: mov $-ENOEXEC, %eax
        returnFromIt();
        byte[] code = new byte[out.position()];
        out.get(0, code);
        return new Comparison(code, List.copyOf(returns));
    }

    private ByteBuffer bytes(int... values) {
        for (int value : values) {
            out.put((byte) value);
        }
        return out;
    }

    /** A conditional jump of two bytes whose target is yet to come; where its displacement is. */
    private int shortJump(int opcode) {
        bytes(opcode, 0);
        return out.position() - 1;
    }

    private void land(int displacement) {
        out.put(displacement, (byte) (out.position() - (displacement + 1)));
    }

    /** {@code jmp __x86_return_thunk} (arch/x86/Makefile, RETHUNK_CFLAGS). */
    private void returnFromIt() {
        bytes(0xe9);
        returns.add(out.position());
        out.putInt(0);
    }

    private Memory readOnlyMemory() {
        Btf.Struct module = Layouts.struct(btf, "module");
        if (module.field("core_layout").isPresent()) {
            // Text and then read-only data (struct module_layout, until 6.3).
            int layout = Layouts.offset(module, "core_layout");
            return new Memory(
                    layout + offset("module_layout", "base"),
                    layout + offset("module_layout", "ro_size"));
        }
        Btf.Struct memory = Layouts.struct(btf, "module_memory");
        OptionalInt index = btf.enumerator("mod_mem_type", "MOD_RODATA");
        int memories = Layouts.offset(module, "mem");
        if (index.isEmpty()) {
            throw Layouts.unknown("enum mod_mem_type.MOD_RODATA");
        }
        int at = memories + index.getAsInt() * (int) memory.size();
        return new Memory(at + Layouts.offset(memory, "base"), at + Layouts.offset(memory, "size"));
    }

    private int offset(String struct, String field) {
        return Layouts.offset(Layouts.struct(btf, struct), field);
    }
}
