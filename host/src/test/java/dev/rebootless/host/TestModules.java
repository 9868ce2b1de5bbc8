package dev.rebootless.host;

import dev.rebootless.elf.Elf;
import dev.rebootless.elf.ElfHeader;
import dev.rebootless.elf.ElfObject;
import dev.rebootless.elf.ElfReader;
import dev.rebootless.elf.ElfSection;
import dev.rebootless.elf.ElfWriter;
import dev.rebootless.kernel.Notes;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.ManifestJson;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Files that are modules in all that is read of them here; a kernel would not take them. */
final class TestModules {
    private TestModules() {}

    /** As the manifest says it is. */
    static Path write(Path folder, Manifest manifest) throws IOException {
        return write(folder, manifest, ElfHeader.x86Relocatable(), manifest.kernel().vermagic());
    }

    /** The same under a file name of its own. */
    static Path write(Path folder, Manifest manifest, String file) throws IOException {
        return write(
                folder.resolve(file),
                bytes(manifest, ElfHeader.x86Relocatable(), manifest.kernel().vermagic()));
    }

    private static Path write(Path file, byte[] bytes) throws IOException {
        Files.write(file, bytes);
        return file;
    }

    /** What such a file says of itself. */
    static Manifest manifest(byte[] module) {
        byte[] note = ElfReader.read(module).section(Manifest.NOTE_SECTION).orElseThrow().content();
        return ManifestJson.parse(
                new String(
                        Notes.find(note, Manifest.NOTE_NAME, Manifest.NOTE_TYPE).orElseThrow(),
                        StandardCharsets.UTF_8));
    }

    static Path write(Path folder, Manifest manifest, ElfHeader header, String vermagic)
            throws IOException {
        return write(
                folder.resolve(manifest.module().replace('_', '-') + ".ko"),
                bytes(manifest, header, vermagic));
    }

    private static byte[] bytes(Manifest manifest, ElfHeader header, String vermagic) {
        String information =
                String.join(
                        "\0",
                        "name=" + manifest.module(),
                        "vermagic=" + vermagic,
                        "livepatch=Y",
                        "license=GPL",
                        "");
        ElfSection modinfo =
                ElfSection.progbits(
                        ".modinfo", Elf.SHF_ALLOC, 1, information.getBytes(StandardCharsets.UTF_8));
        ElfSection note =
                ElfSection.of(
                        Manifest.NOTE_SECTION,
                        Elf.SHT_NOTE,
                        Elf.SHF_ALLOC,
                        0,
                        4,
                        0,
                        FakeHost.note(manifest));
        ElfObject object =
                ElfObject.of(
                        header, List.of(modinfo, note), List.of(), List.of(), List.of(), Map.of());
        return ElfWriter.write(object);
    }
}
