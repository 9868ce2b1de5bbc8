package dev.rebootless.source.kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.source.sandbox.ProgramRoot;
import dev.rebootless.source.sandbox.Sandbox;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UnpackerTest {
    private static final int ROUNDS = 40;

    @TempDir private Path folder;
    private Path out = Path.of("/nonexistent");

    @BeforeEach
    void anEmptyOutputFolder() throws IOException {
        out = Files.createDirectory(folder.resolve("out"));
    }

    @Test
    void whatAnImagePackageHoldsComesOutWithoutItsDocumentation() throws IOException {
        Path deb =
                TinyDebs.withData(
                        folder,
                        "mkdir -p boot usr/share/doc; echo a > boot/vmlinuz-1; echo b > usr/share/doc/x; tar -cf data.tar ./boot ./usr");
        Unpacker.image(deb, out);
        assertThat(out.resolve("boot/vmlinuz-1")).hasContent("a\n");
        assertThat(out.resolve("usr/share")).doesNotExist();
    }

    /** As packages of Debian 12 are: its libc6 has the loader as an absolute link. */
    @Test
    void programsOfSeveralPackagesMakeOneRootWithAllOfItBelowUsr() throws IOException {
        Path library =
                TinyDebs.withData(
                        folder,
                        "mkdir -p lib/x lib64 etc; echo loader > lib/x/ld-1.so;"
                                + " ln -s /lib/x/ld-1.so lib64/ld.so; ln -s ld-1.so lib/x/ld.so;"
                                + " echo no > etc/passwd; tar -cf data.tar ./lib ./lib64 ./etc");
        Path program =
                TinyDebs.withData(
                        folder,
                        "mkdir -p bin usr/bin usr/share/doc; echo a > bin/sh; ln bin/sh bin/dash;"
                                + " echo m > usr/bin/mawk; echo d > usr/share/doc/d;"
                                + " tar -cf data.tar ./bin ./usr");
        Toolchain.unpack(List.of(library, program), out);
        assertThat(out.resolve("usr/bin/sh")).hasContent("a\n");
        assertThat(out.resolve("usr/bin/dash")).hasContent("a\n");
        assertThat(out.resolve("bin/sh")).hasContent("a\n");
        assertThat(Files.readSymbolicLink(out.resolve("bin"))).isEqualTo(Path.of("usr/bin"));
        assertThat(Files.readSymbolicLink(out.resolve("usr/bin/awk"))).isEqualTo(Path.of("mawk"));
        assertThat(out.resolve("usr/lib/x/ld.so")).hasContent("loader\n");
        // Inside it leads to the library of the same root, never to the machine's.
        Sandbox inside = Sandbox.of(Sandbox.Limits.LOOK, new ProgramRoot(out));
        assertThat(Files.readSymbolicLink(out.resolve("usr/lib64/ld.so")))
                .isEqualTo(Path.of("../../lib/x/ld-1.so"));
        assertThat(out.resolve("usr/lib64/ld.so")).hasContent("loader\n");
        assertThat(inside.run(List.of("/usr/bin/true")).err()).contains("No such file");
        assertThat(out.resolve("etc")).doesNotExist();
        assertThat(out.resolve("usr/share")).doesNotExist();
    }

    @Test
    void aRootWhoseProgramsAreALinkIsRefused() throws IOException {
        Path deb = TinyDebs.withData(folder, "ln -s /usr usr; tar -cf data.tar ./usr");
        assertThatThrownBy(() -> Toolchain.unpack(List.of(deb), out))
                .hasMessageContaining("RBL-PACKAGE")
                .hasMessageContaining("hostile");
    }

    /** tar's excludes are written as Debian names members, with ./ before them. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "mkdir -p usr etc/alternatives; tar -cf data.tar usr etc",
                "mkdir usr; ln -s /etc etc; tar -cf data.tar usr etc",
                "mkdir usr; echo x > new; tar -cf data.tar ./usr ./new",
                "mkdir usr bin; echo x > bin/sh; tar -cf data.tar usr bin",
                "mkdir usr; echo x > sbin; tar -cf data.tar ./usr ./sbin",
                "mkdir usr; ln -s /bin lib; tar -cf data.tar usr lib"
            })
    void aRootWithMoreThanProgramsIsRefused(String data) throws IOException {
        Path deb = TinyDebs.withData(folder, data);
        assertThatThrownBy(() -> Toolchain.unpack(List.of(deb), out))
                .hasMessageContaining("RBL-PACKAGE")
                .hasMessageContaining("more than programs");
    }

    @Test
    void anAbsoluteLinkThatClimbsIsRefusedInARoot() throws IOException {
        Path deb =
                TinyDebs.withData(
                        folder,
                        "mkdir -p usr/bin; ln -s /usr/../../x usr/bin/sh; tar -cf data.tar ./usr");
        assertThatThrownBy(() -> Toolchain.unpack(List.of(deb), out))
                .hasMessageContaining("/usr/bin/sh is a link that leads out");
    }

    /** As text it stays inside, but d is a link to the top, of which it leads to the parent. */
    @Test
    void aLinkThatLeadsOutThroughALinkedFolderIsRefused() throws IOException {
        Path deb =
                TinyDebs.withData(
                        folder,
                        "mkdir -p usr/lib/a; ln -s ../../.. usr/lib/a/d;"
                                + " ln -s d/../secret usr/lib/a/x; tar -cf data.tar ./usr");
        Files.writeString(folder.resolve("secret"), "of the machine");
        assertThatThrownBy(() -> Toolchain.unpack(List.of(deb), out))
                .hasMessageContaining("/usr/lib/a/x is a link that leads out");
        assertThat(out.resolve("usr/lib/a/x")).hasContent("of the machine");
    }

    /** It stays inside where it is unpacked, but not one folder higher, where it is moved to. */
    @Test
    void aLinkBesideTheModulesIsRefused() throws IOException {
        Path deb =
                TinyDebs.withData(
                        folder,
                        "mkdir -p usr/lib/modules/1; ln -s ../../../../x usr/lib/modules/1/y;"
                                + " tar -cf data.tar ./usr");
        assertThatThrownBy(() -> Unpacker.image(deb, out))
                .hasMessageContaining("RBL-PACKAGE")
                .hasMessageContaining("/usr/lib/modules/1/y is a link");
    }

    @Test
    void theLinksFromModulesToHeadersAreLeftOut() throws IOException {
        for (String modules : List.of("lib/modules/1", "usr/lib/modules/1")) {
            String data =
                    "mkdir -p M; touch M/a.ko; ln -s /usr/src/h M/build; ln -s ../../../src/h M/source;"
                            + " tar -cf data.tar ./M";
            Path deb = TinyDebs.withData(folder, data.replace("M", modules));
            Path into = Files.createDirectory(folder.resolve("of-" + modules.length()));
            Unpacker.image(deb, into);
            assertThat(into.resolve("lib/modules/1"))
                    .isDirectoryContaining("glob:**/a.ko")
                    .isDirectoryNotContaining("glob:**/{build,source}");
        }
    }

    @Test
    void aPathThatClimbsOutOfTheFolderWritesNothingThere() throws IOException {
        Path deb =
                TinyDebs.withData(
                        folder,
                        "echo evil > evil; tar -P --transform='s,^evil,../../../../../../../..' -cf data.tar evil 2>/dev/null || tar -P --transform='s,^evil,../escaped,' -cf data.tar evil");
        try {
            Unpacker.image(deb, out);
        } catch (RebootlessException e) {
            assertThat(e.getMessage()).contains("RBL-PACKAGE");
        }
        assertThat(folder.resolve("escaped")).doesNotExist();
    }

    @Test
    void aLinkOutOfThePackageIsRefused() throws IOException {
        Path absolute =
                TinyDebs.withData(
                        folder,
                        "mkdir boot; ln -s /etc/shadow boot/config-1; tar -cf data.tar ./boot");
        assertThatThrownBy(() -> Unpacker.image(absolute, out))
                .hasMessageContaining("RBL-PACKAGE")
                .hasMessageContaining("/boot/config-1 is a link that leads out");
        Path relative =
                TinyDebs.withData(
                        folder, "mkdir boot; ln -s ../../x boot/config-2; tar -cf data.tar ./boot");
        assertThatThrownBy(() ->
                        Unpacker.image(relative, Files.createDirectory(folder.resolve("out2"))))
                .hasMessageContaining("/boot/config-2 is a link that leads out");
    }

    @Test
    void aFileWrittenThroughALinkOfTheSamePackageStaysInTheSandbox() throws IOException {
        Path target = Files.createDirectory(folder.resolve("target"));
        Path deb =
                TinyDebs.withData(
                        folder,
                        "ln -s "
                                + target
                                + " boot; tar -cf data.tar ./boot; rm boot; mkdir boot; echo evil > boot/evil; tar -rf data.tar ./boot/evil");
        assertThatThrownBy(
                        () -> {
                            Unpacker.image(deb, out);
                            throw new AssertionError("unpacked " + Files.walk(out).toList());
                        })
                .hasMessageContaining("RBL-PACKAGE");
        assertThat(target).isEmptyDirectory();
    }

    @Test
    void aSetUserIdProgramIsRefused() throws IOException {
        Path deb =
                TinyDebs.withData(
                        folder,
                        "mkdir boot; touch boot/su; chmod 4755 boot/su; tar -cf data.tar ./boot");
        try {
            Unpacker.image(deb, out);
            // tar may have dropped the bit.
            assertThat((Integer) Files.getAttribute(out.resolve("boot/su"), "unix:mode") & 06000)
                    .isZero();
        } catch (RebootlessException e) {
            assertThat(e.getMessage()).contains("set-user-id");
        }
    }

    @Test
    void aFifoIsRefused() throws IOException {
        Path deb = TinyDebs.withData(folder, "mkdir boot; mkfifo boot/p; tar -cf data.tar ./boot");
        assertThatThrownBy(() -> Unpacker.image(deb, out)).hasMessageContaining("neither a file");
    }

    @Test
    void aPackageWithoutTheExpectedMembersIsRefused() throws IOException {
        Path deb = TinyDebs.withData(folder, "mkdir boot; tar -cf data.tar ./boot");
        assertThatThrownBy(() -> Unpacker.headers(deb, out, new KernelRelease("6.1.0-9-amd64")))
                .hasMessageContaining("RBL-PACKAGE")
                .hasMessageContaining("Not found in archive");
        assertThatThrownBy(() -> Unpacker.source(deb, out)).hasMessageContaining("RBL-PACKAGE");
    }

    @Test
    void damagedPackagesAreUnpackedOrRefusedAndNothingElse() throws IOException {
        Path good =
                TinyDebs.withData(
                        folder,
                        "mkdir boot; seq 5000 > boot/config-1; tar -czf data.tar ./boot; mv data.tar data.tar.gz; gunzip data.tar.gz");
        byte[] bytes = Files.readAllBytes(good);
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        int refused = 0;
        for (int round = 0; round < ROUNDS; round++) {
            byte[] mutant =
                    java.util.Arrays.copyOf(
                            bytes,
                            round % 2 == 0 ? 1 + random.nextInt(bytes.length) : bytes.length);
            // The headers are at the front: ar's, then those of the control and data archives.
            for (int i = random.nextInt(6); i > 0; i--) {
                mutant[random.nextInt(Math.min(mutant.length, 12_000))] =
                        (byte) random.nextInt(256);
            }
            Path deb = Files.write(folder.resolve("mutant.deb"), mutant);
            Path into = Files.createDirectory(folder.resolve("into" + round));
            try {
                Unpacker.image(deb, into);
            } catch (RebootlessException e) {
                assertThat(e.problems().getFirst().code()).isEqualTo("RBL-PACKAGE");
                refused++;
            }
        }
        assertThat(refused).isGreaterThan(0);
    }
}
