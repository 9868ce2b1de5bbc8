package dev.rebootless.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import dev.rebootless.base.Subprocess;
import dev.rebootless.trust.tuf.PublicKey;
import dev.rebootless.trust.tuf.Signer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KeyFileTest {
    @TempDir Path folder = Path.of("");

    private static void assertCode(Runnable action, String code) {
        assertThatThrownBy(action::run)
                .isInstanceOfSatisfying(
                        RebootlessException.class,
                        e -> assertThat(e.problems().getFirst().code()).isEqualTo(code));
    }

    @Test
    void aKeyThatIsMadeSignsAndItsOwnerAloneCanReadIt() throws Exception {
        Path file = folder.resolve("one.pem");
        PublicKey key = KeyFile.create(file);
        Signer signer = KeyFile.read(file);
        byte[] text = "text".getBytes(StandardCharsets.UTF_8);
        assertThat(signer.key()).isEqualTo(key);
        assertThat(key.verifies(text, signer.sign(text))).isTrue();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
    }

    @Test
    void aKeyIsNeverWrittenOver() throws Exception {
        Path file = folder.resolve("one.pem");
        KeyFile.create(file);
        String before = Files.readString(file);
        assertCode(() -> KeyFile.create(file), "RBL-KEY-EXISTS");
        assertThat(Files.readString(file)).isEqualTo(before);
    }

    @Test
    void aKeyThatOthersCanReadIsRefused() throws Exception {
        Path file = folder.resolve("one.pem");
        KeyFile.create(file);
        for (String rights : new String[] {"rw-r-----", "rw----r--", "rw--w----"}) {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(rights));
            assertCode(() -> KeyFile.read(file), "RBL-KEY-RIGHTS");
        }
    }

    @Test
    void theHalvesOfTwoPairsAreRefused() throws Exception {
        Path one = folder.resolve("one.pem");
        Path other = folder.resolve("other.pem");
        KeyFile.create(one);
        KeyFile.create(other);
        String publicPart = "-----BEGIN PUBLIC KEY-----";
        String mixed = Files.readString(one);
        String foreign = Files.readString(other);
        Files.writeString(
                one,
                mixed.substring(0, mixed.indexOf(publicPart))
                        + foreign.substring(foreign.indexOf(publicPart)));
        assertCode(() -> KeyFile.read(one), "RBL-KEY-FORMAT");
    }

    @Test
    void aKeyOfOpensslIsRead() throws Exception {
        Path file = folder.resolve("openssl.pem");
        Files.writeString(
                file, openssl("genpkey", "-algorithm", "ed25519"), StandardCharsets.US_ASCII);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        assertCode(() -> KeyFile.read(file), "RBL-KEY-FORMAT");
        String both = Files.readString(file) + openssl("pkey", "-in", file.toString(), "-pubout");
        Files.writeString(file, both);
        assertThat(KeyFile.read(file).key().id()).hasSize(64);
    }

    private static String openssl(String... arguments) {
        String[] command = new String[arguments.length + 1];
        command[0] = "openssl";
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        Subprocess.Result result = Subprocess.of(command).deadline(Duration.ofSeconds(20)).run();
        assertThat(result.ok()).as(result.err()).isTrue();
        return result.out();
    }

    @Test
    void anyOtherBytesAreRefusedAndNoFaultOfOurs() throws Exception {
        Path file = folder.resolve("one.pem");
        KeyFile.create(file);
        byte[] whole = Files.readAllBytes(file);
        long seed = Long.getLong("rebootless.seed", System.nanoTime());
        System.out.println("seed " + seed + " (-Drebootless.seed)");
        Random random = new Random(seed);
        for (int i = 0; i < 500; i++) {
            byte[] mutated = whole.clone();
            for (int n = random.nextInt(4); n >= 0; n--) {
                mutated[random.nextInt(mutated.length)] = (byte) random.nextInt(256);
            }
            Files.write(file, mutated);
            try {
                KeyFile.read(file);
            } catch (RebootlessException e) {
                assertThat(e.problems().getFirst().code()).isIn("RBL-KEY-FORMAT", "RBL-TUF-FORMAT");
            }
        }
    }
}
