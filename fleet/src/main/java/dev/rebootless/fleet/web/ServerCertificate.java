package dev.rebootless.fleet.web;

import dev.rebootless.base.AtomicFiles;
import dev.rebootless.base.FileFaults;
import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.util.io.pem.PemObject;
import org.bouncycastle.util.io.pem.PemWriter;

/**
 * The server's certificate and its key. Agents pin it by its fingerprint, so that one that the
 * server makes itself is as good as any.
 *
 * @param chain its certificate first
 */
public record ServerCertificate(List<X509Certificate> chain, PrivateKey key) {
    /** It is pinned: the day on which it expires is the day on which all agents enrol again. */
    private static final Duration LASTS = Duration.ofDays(20 * 365);

    /** For clocks that are behind. */
    private static final Duration BACKDATED = Duration.ofDays(2);

    private static final String CERTIFICATE_FILE = "certificate.pem";
    private static final String KEY_FILE = "key.pem";

    /** SHA-256 of its DER form, as agents are given it. */
    public String fingerprint() {
        try {
            return "SHA256:" + Hashes.sha256(chain.getFirst().getEncoded());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("a certificate that was read has an encoding", e);
        }
    }

    /** For a server's sockets. */
    public SSLContext context() {
        try {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, new char[0]);
            store.setKeyEntry("server", key, new char[0], chain.toArray(Certificate[]::new));
            KeyManagerFactory keys =
                    KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keys.init(store, new char[0]);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys.getKeyManagers(), null, null);
            return context;
        } catch (GeneralSecurityException | IOException e) {
            throw unusable("its certificate", "cannot be used: " + e.getMessage());
        }
    }

    /** The one in a folder; it is made there when there is none. */
    public static ServerCertificate in(Path folder) {
        Path certificate = folder.resolve(CERTIFICATE_FILE);
        Path key = folder.resolve(KEY_FILE);
        if (!Files.exists(certificate)) {
            make(folder, certificate, key);
        }
        return read(certificate, key);
    }

    /** From PEM files: the chain, and its key in PKCS #8 or as OpenSSL writes it. */
    public static ServerCertificate read(Path certificate, Path key) {
        List<X509Certificate> chain;
        try {
            chain =
                    CertificateFactory.getInstance("X.509")
                            .generateCertificates(
                                    new ByteArrayInputStream(Files.readAllBytes(certificate)))
                            .stream()
                            .map(X509Certificate.class::cast)
                            .toList();
        } catch (IOException e) {
            throw unusable(certificate.toString(), "cannot be read: " + FileFaults.reason(e));
        } catch (GeneralSecurityException e) {
            throw unusable(certificate.toString(), "is no certificate: " + e.getMessage());
        }
        if (chain.isEmpty()) {
            throw unusable(certificate.toString(), "has no certificate");
        }
        ServerCertificate read = new ServerCertificate(chain, readKey(key));
        if (!read.fits()) {
            throw unusable(key.toString(), "is not the key of " + certificate);
        }
        return read;
    }

    private static PrivateKey readKey(Path file) {
        try (PEMParser parser = new PEMParser(new StringReader(Files.readString(file)))) {
            JcaPEMKeyConverter converter = new JcaPEMKeyConverter();
            return switch (parser.readObject()) {
                case PrivateKeyInfo info -> converter.getPrivateKey(info);
                case PEMKeyPair pair -> converter.getPrivateKey(pair.getPrivateKeyInfo());
                case null, default ->
                        throw unusable(file.toString(), "has no private key that is not encrypted");
            };
        } catch (IOException e) {
            throw unusable(file.toString(), "cannot be read: " + FileFaults.reason(e));
        }
    }

    /** Whether the key is the certificate's: what the one signs, the other verifies. */
    private boolean fits() {
        try {
            String algorithm =
                    switch (key.getAlgorithm()) {
                        case "RSA" -> "SHA256withRSA";
                        case "EC" -> "SHA256withECDSA";
                        default -> key.getAlgorithm();
                    };
            Signature signature = Signature.getInstance(algorithm);
            signature.initSign(key);
            signature.update(new byte[1]);
            byte[] signed = signature.sign();
            signature.initVerify(chain.getFirst());
            signature.update(new byte[1]);
            return signature.verify(signed);
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    private static void make(Path folder, Path certificateFile, Path keyFile) {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            KeyPair pair = generator.generateKeyPair();
            Instant now = Instant.now();
            X500Name name = new X500Name("CN=rebootless");
            JcaX509v3CertificateBuilder builder =
                    new JcaX509v3CertificateBuilder(
                            name,
                            new BigInteger(127, new SecureRandom()),
                            Date.from(now.minus(BACKDATED)),
                            Date.from(now.plus(LASTS)),
                            name,
                            pair.getPublic());
            builder.addExtension(Extension.subjectAlternativeName, false, names());
            byte[] certificate =
                    builder.build(
                                    new JcaContentSignerBuilder("SHA256withECDSA")
                                            .build(pair.getPrivate()))
                            .getEncoded();
            Files.createDirectories(folder);
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
            // The key first: a certificate without one would never be replaced.
            AtomicFiles.write(keyFile, pem("PRIVATE KEY", pair.getPrivate().getEncoded()));
            Files.setPosixFilePermissions(keyFile, PosixFilePermissions.fromString("rw-------"));
            AtomicFiles.write(certificateFile, pem("CERTIFICATE", certificate));
        } catch (IOException e) {
            throw unusable(folder.toString(), "cannot be written: " + FileFaults.reason(e));
        } catch (GeneralSecurityException | OperatorCreationException e) {
            throw new IllegalStateException("every JDK has ECDSA with P-256", e);
        }
    }

    private static GeneralNames names() throws IOException {
        List<GeneralName> names = new java.util.ArrayList<>();
        names.add(new GeneralName(GeneralName.dNSName, "localhost"));
        names.add(new GeneralName(GeneralName.iPAddress, "127.0.0.1"));
        names.add(new GeneralName(GeneralName.iPAddress, "::1"));
        try {
            names.add(
                    new GeneralName(
                            GeneralName.dNSName,
                            InetAddress.getLocalHost().getCanonicalHostName()));
        } catch (UnknownHostException e) {
            // A machine without a name of its own is asked for by its address.
        }
        return new GeneralNames(names.toArray(GeneralName[]::new));
    }

    private static byte[] pem(String type, byte[] der) throws IOException {
        StringWriter text = new StringWriter();
        try (PemWriter writer = new PemWriter(text)) {
            writer.writeObject(new PemObject(type, der));
        }
        return text.toString().getBytes(StandardCharsets.US_ASCII);
    }

    private static RebootlessException unusable(String place, String why) {
        return RebootlessException.environment(
                "RBL-FLEET-CERTIFICATE",
                place,
                why,
                "give a certificate and its key in PEM with --certificate and --key, or neither, and"
                        + " the server makes them");
    }
}
