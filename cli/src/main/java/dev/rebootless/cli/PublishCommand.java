package dev.rebootless.cli;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.Manifest;
import dev.rebootless.release.publish.Publisher;
import dev.rebootless.release.publish.ReleaseFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Releases livepatches, and shows what is released. */
@Command(
        name = "publish",
        description = {
            "Release a livepatch: its module, manifest, proof and source patches, signed. It runs"
                    + " nowhere by that; `promote` says where.",
            "Without a module: show what is released, and what each ring should run."
        })
final class PublishCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(
            paramLabel = "MODULE.ko",
            arity = "0..1",
            description = "A proven livepatch; the JSON that `build` made must be beside it.")
    private @Nullable Path module;

    @Mixin private RepositoryOptions repository = new RepositoryOptions();

    @Option(
            names = "--patch",
            paramLabel = "FILE",
            description =
                    "A source patch that it was built from, or a folder with such patches"
                            + " (*.patch); give all of them.")
    private List<Path> patches = List.of();

    @Option(names = "--json", description = Texts.JSON)
    private boolean json;

    PublishCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (module == null) {
            var catalog = repository.publisher().catalog();
            if (json) {
                console.print(ReleaseDocuments.Releases.of(catalog));
            } else {
                console.print(ReleaseDocuments.text(catalog));
            }
            return ExitStatus.DONE.code();
        }
        return print(console, json, repository.publisher().publish(files(module)));
    }

    /** What came of it, and whether that is a change. */
    static int print(Console console, boolean json, Publisher.Result result) {
        if (json) {
            console.print(ReleaseDocuments.Published.of(result));
        } else {
            console.print(ReleaseDocuments.text(result));
        }
        return (result.changed() ? ExitStatus.DONE : ExitStatus.UNCHANGED).code();
    }

    private ReleaseFiles files(Path path) {
        List<Path> patchFiles = patchFiles();
        Inputs.requireFiles(patchFiles);
        ModuleFile file = ModuleFile.read(path);
        Manifest manifest = file.requireManifest();
        String name = path.getFileName().toString();
        Path beside =
                path.resolveSibling(
                        (name.endsWith(".ko") ? name.substring(0, name.length() - 3) : name)
                                + ".json");
        Inputs.requireFile(beside);
        try {
            List<byte[]> contents = new ArrayList<>();
            for (Path patch : patchFiles) {
                contents.add(Files.readAllBytes(patch));
            }
            return ReleaseFiles.of(
                    file.bytes(),
                    manifest,
                    Files.readString(beside, StandardCharsets.UTF_8),
                    contents);
        } catch (IOException e) {
            throw RebootlessException.usage(
                    "RBL-FILE",
                    beside.toString(),
                    "cannot be read: " + e.getMessage(),
                    "check the file's name and rights");
        }
    }

    /** A folder may have others' patches too; which are needed, the manifest says. */
    private List<Path> patchFiles() {
        List<Path> files = new ArrayList<>();
        for (Path place : patches) {
            if (!Files.isDirectory(place)) {
                files.add(place);
                continue;
            }
            try (DirectoryStream<Path> folder = Files.newDirectoryStream(place, "*.patch")) {
                folder.forEach(files::add);
            } catch (IOException e) {
                throw RebootlessException.usage(
                        "RBL-FILE",
                        place.toString(),
                        "cannot be read: " + FileFaults.reason(e),
                        "check the folder's name and rights");
            }
        }
        return files;
    }
}
