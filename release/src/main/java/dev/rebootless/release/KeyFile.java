package dev.rebootless.release;

import dev.rebootless.base.FileFaults;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.trust.tuf.PublicKey;
import dev.rebootless.trust.tuf.Signer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.EnumSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A file with an Ed25519 key pair: the private key (PKCS #8) and the public key
 * (SubjectPublicKeyInfo), each as PEM (RFC 7468, sections 10 and 13). OpenSSL makes and reads the
 * same: {@code openssl genpkey -algorithm ed25519} and {@code openssl pkey -pubout}.
 */
public final class KeyFile {
    private static final String PRIVATE = "PRIVATE KEY";
    private static final String PUBLIC = "PUBLIC KEY";

    /** The two have 232 bytes; comments of other tools may stand between them. */
    private static final int MAX_BYTES = 16 << 10;

    /** RFC 7468, section 2: lines of 64 characters. */
    private static final Base64.Encoder BASE64 = Base64.getMimeEncoder(64, new byte[] {'\n'});

    private static final Set<PosixFilePermission> OTHERS =
            EnumSet.of(
                    PosixFilePermission.GROUP_READ,
                    PosixFilePermission.GROUP_WRITE,
                    PosixFilePermission.OTHERS_READ,
                    PosixFilePermission.OTHERS_WRITE);

    private KeyFile() {}

    /**
     * Makes a new key pair and keeps it in a file that its owner alone can read.
     *
     * @throws RebootlessException exit status 4 {@code RBL-KEY-EXISTS} when there is a file of that
     *     name; 5 {@code RBL-KEY-WRITE} when it cannot be written
     */
    public static PublicKey create(Path file) {
        KeyPair pair = generated();
        String text = pem(PRIVATE, pair.getPrivate().getEncoded());
        text += pem(PUBLIC, pair.getPublic().getEncoded());
        try (FileChannel channel =
                FileChannel.open(
                        file,
                        Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                        PosixFilePermissions.asFileAttribute(
                                PosixFilePermissions.fromString("rw-------")))) {
            ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        } catch (FileAlreadyExistsException e) {
            throw RebootlessException.refused(
                    "RBL-KEY-EXISTS",
                    file.toString(),
                    "is there already, and a key that is written over is lost",
                    "give another name");
        } catch (IOException e) {
            throw RebootlessException.environment(
                    "RBL-KEY-WRITE",
                    file.toString(),
                    "cannot be written: " + FileFaults.reason(e),
                    "see that its folder is there and belongs to this user");
        }
        return PublicKey.of(pair.getPublic());
    }

    /**
     * Reads a key pair.
     *
     * @throws RebootlessException exit status 2 {@code RBL-KEY-FILE} when it cannot be read, {@code
     *     RBL-KEY-FORMAT} when it has no such pair; 4 {@code RBL-KEY-RIGHTS} when others than its
     *     owner can read it
     */
    public static Signer read(Path file) {
        byte[] content;
        try (InputStream in = Files.newInputStream(file)) {
            if (Files.getPosixFilePermissions(file).stream().anyMatch(OTHERS::contains)) {
                throw RebootlessException.refused(
                        "RBL-KEY-RIGHTS",
                        file.toString(),
                        "others than its owner may read it, so that it may be in anybody's hands",
                        "chmod 600, if nobody else was on this machine; else replace the key");
            }
            content = in.readNBytes(MAX_BYTES);
        } catch (IOException e) {
            throw RebootlessException.usage(
                    "RBL-KEY-FILE",
                    file.toString(),
                    "cannot be read: " + FileFaults.reason(e),
                    "check the file's name and rights");
        }
        try {
            String text = new String(content, StandardCharsets.ISO_8859_1);
            KeyFactory factory = KeyFactory.getInstance("Ed25519");
            byte[] secret = block(text, PRIVATE, file);
            KeyPair pair =
                    new KeyPair(
                            factory.generatePublic(
                                    new X509EncodedKeySpec(block(text, PUBLIC, file))),
                            factory.generatePrivate(new PKCS8EncodedKeySpec(secret)));
            Arrays.fill(secret, (byte) 0);
            Signer signer = Signer.of(pair);
            // Of two keys that are no pair, nothing that is signed would ever be believed.
            byte[] probe = "a pair".getBytes(StandardCharsets.US_ASCII);
            if (!signer.key().verifies(probe, signer.sign(probe))) {
                throw format(file, "its two keys are no pair");
            }
            return signer;
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw format(file, "its keys are no Ed25519 keys");
        } finally {
            Arrays.fill(content, (byte) 0);
        }
    }

    private static KeyPair generated() {
        try {
            return KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String pem(String label, byte[] encoded) {
        return "-----BEGIN %s-----\n%s\n-----END %s-----\n"
                .formatted(label, BASE64.encodeToString(encoded), label);
    }

    private static byte[] block(String text, String label, Path file) {
        Matcher matcher =
                Pattern.compile(
                                "-----BEGIN %s-----([A-Za-z0-9+/=\\s]+)-----END %s-----"
                                        .formatted(label, label))
                        .matcher(text);
        if (!matcher.find()) {
            throw format(file, "it has no " + label + " in PEM");
        }
        return Base64.getMimeDecoder().decode(matcher.group(1));
    }

    private static RebootlessException format(Path file, String why) {
        return RebootlessException.usage(
                "RBL-KEY-FORMAT",
                file.toString(),
                "is no key pair: " + why,
                "give a file that `rebootless keys new` made; for a key of OpenSSL, add what"
                        + " `openssl pkey -pubout` prints to its file");
    }
}
