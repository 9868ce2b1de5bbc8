package dev.rebootless.host;

import dev.rebootless.base.FileFaults;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.host.files.JsonObject;
import dev.rebootless.kernel.KernelModule;
import dev.rebootless.kernel.ShippedCode;
import dev.rebootless.manifest.Manifest;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * A livepatch module of ours that is to be loaded.
 *
 * @param content the file's bytes; shared, not to be written to
 * @param proof whether it was proven by a boot, as the JSON beside it says
 */
record ModuleToLoad(
        Path path, byte[] content, KernelModule module, Manifest manifest, Proof proof) {
    /** elf(5), e_ident. */
    private static final byte[] MAGIC = {0x7f, 'E', 'L', 'F'};

    /** Our largest have some 2 MB. */
    private static final int MAX_BYTES = 32 << 20;

    /** MODULE_NAME_LEN of include/linux/moduleparam.h, less its zero. */
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_]{0,54}");

    /** What the file beside a module says of its proof. */
    enum Proof {
        PROVEN,
        UNPROVEN,
        /** There is no such file, or it is of another module. */
        UNKNOWN
    }

    /**
     * Reads a module, and the JSON beside it.
     *
     * @throws RebootlessException exit status 2: {@code RBL-FILE}, {@code RBL-KERNEL-MODULE},
     *     {@code RBL-MANIFEST} when it is damaged; 4 {@code RBL-HOST-FOREIGN-MODULE} when it has
     *     none
     */
    static ModuleToLoad read(Path path) {
        try {
            byte[] bytes = read(path, Files.size(path));
            KernelModule module = KernelModule.read(bytes, path.toString());
            Manifest manifest = manifest(path, module);
            requireName(path, module.name(), manifest);
            return new ModuleToLoad(path, bytes, module, manifest, proof(path, bytes));
        } catch (IOException e) {
            throw RebootlessException.usage(
                    "RBL-FILE",
                    path.toString(),
                    "cannot be read: " + FileFaults.reason(e),
                    "check the file's name and rights");
        }
    }

    /** A module that is compressed is none here: its bytes are handed to the kernel as they are. */
    private static byte[] read(Path path, long size) throws IOException {
        byte[] bytes = size > MAX_BYTES ? new byte[0] : Files.readAllBytes(path);
        if (bytes.length < MAGIC.length
                || !Arrays.equals(bytes, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
            throw RebootlessException.usage(
                    "RBL-KERNEL-MODULE",
                    path.toString(),
                    size > MAX_BYTES
                            ? "has more than " + MAX_BYTES + " bytes"
                            : "is no kernel module, or a compressed one",
                    "give the .ko that `rebootless build` made");
        }
        return bytes;
    }

    /** The name becomes part of paths, and is what the kernel will list it by. */
    private static void requireName(Path path, String name, Manifest manifest) {
        if (!NAME.matcher(name).matches() || !name.equals(manifest.module())) {
            throw RebootlessException.usage(
                    "RBL-MANIFEST",
                    path.toString(),
                    "is named '" + name + "', and its manifest says '" + manifest.module() + "'",
                    "build the module again");
        }
    }

    private static Manifest manifest(Path path, KernelModule module) {
        ElfSection note =
                module.object()
                        .section(Manifest.NOTE_SECTION)
                        .filter(s -> !s.isNobits())
                        .orElseThrow(() ->
                                RebootlessException.refused(
                                        "RBL-HOST-FOREIGN-MODULE",
                                        path.toString(),
                                        "is no livepatch of Rebootless, so that nothing is known of what it does",
                                        "load a module that `rebootless build` made; others load with insmod"));
        return ManifestNote.of(note.content());
    }

    private static Proof proof(Path path, byte[] bytes) throws IOException {
        String name = String.valueOf(path.getFileName());
        Path beside = path.resolveSibling(name.replaceFirst("\\.ko$", "") + ".json");
        try {
            Map<String, Object> file = JsonObject.parse(Files.readString(beside));
            if (!Hashes.sha256(bytes).equals(file.get("moduleSha256"))) {
                return Proof.UNKNOWN;
            }
            return "proven".equals(file.get("status")) ? Proof.PROVEN : Proof.UNPROVEN;
        } catch (NoSuchFileException | CharacterCodingException | JsonObject.NoneException e) {
            return Proof.UNKNOWN;
        }
    }

    /** The module's name as the kernel shows it. */
    String name() {
        return module.name();
    }

    /** The names of all functions that it replaces. */
    Set<String> functionNames() {
        Set<String> names = new HashSet<>();
        for (Manifest.TargetObject object : manifest.objects()) {
            object.functions().forEach(f -> names.add(f.name()));
        }
        return names;
    }

    /** The modules that it patches. */
    List<Manifest.TargetObject> targetModules() {
        return manifest.objects().stream()
                .filter(o -> !o.name().equals(ShippedCode.VMLINUX))
                .toList();
    }

    /** Of what architecture it is not, where it is not for x86-64 (EM_X86_64 of elf.h). */
    Optional<Integer> otherMachine() {
        int machine = module.object().header().machine();
        return machine == Elf.EM_X86_64 ? Optional.empty() : Optional.of(machine);
    }
}
