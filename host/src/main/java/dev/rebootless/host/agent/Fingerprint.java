package dev.rebootless.host.agent;

import dev.rebootless.base.Hashes;
import dev.rebootless.base.RebootlessException;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Locale;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * The one certificate that a server may show: the SHA-256 of its DER form. No authority is asked,
 * and neither name nor dates count: that it is the one says more.
 *
 * @param sha256 in hexadecimal
 */
record Fingerprint(String sha256) {
    private static final String PREFIX = "SHA256:";

    /** As bytes in hexadecimal, with or without colons, or in base 64, as tools print them. */
    static Fingerprint parse(String text) {
        String value = text.startsWith(PREFIX) ? text.substring(PREFIX.length()) : "";
        String hex = value.replace(":", "").toLowerCase(Locale.ROOT);
        if (hex.matches("[0-9a-f]{64}")) {
            return new Fingerprint(hex);
        }
        if (value.matches("[A-Za-z0-9+/]{43}=?")) {
            try {
                return new Fingerprint(HexFormat.of().formatHex(Base64.getDecoder().decode(value)));
            } catch (IllegalArgumentException e) {
                // As it is said.
            }
        }
        throw RebootlessException.usage(
                "RBL-AGENT-FINGERPRINT",
                "--fingerprint",
                "is no SHA-256 of a certificate",
                "give it as `rebootless serve` prints it: SHA256: and 64 hexadecimal digits");
    }

    /** The server shows another certificate. */
    static final class OtherCertificateException extends CertificateException {
        OtherCertificateException(String message) {
            super(message);
        }
    }

    /** TLS that accepts this certificate and no other. */
    SSLContext tls() {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[] {new OnlyThis()}, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK has TLS", e);
        }
    }

    /** An extended one: of any other, the library would check the server's name as well. */
    private final class OnlyThis extends X509ExtendedTrustManager {
        private void require(X509Certificate[] chain) throws CertificateException {
            String shown = chain.length == 0 ? "none" : Hashes.sha256(chain[0].getEncoded());
            if (!shown.equals(sha256)) {
                throw new OtherCertificateException(
                        "it shows the certificate " + PREFIX + shown + ", not " + PREFIX + sha256);
            }
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
                throws CertificateException {
            require(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
                throws CertificateException {
            require(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type)
                throws CertificateException {
            require(chain);
        }

        private static CertificateException noClients() {
            return new CertificateException("there are no clients here");
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
                throws CertificateException {
            throw noClients();
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
                throws CertificateException {
            throw noClients();
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type)
                throws CertificateException {
            throw noClients();
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }

    @Override
    public String toString() {
        return PREFIX + sha256;
    }
}
