package dev.rebootless.fleet;

import dev.rebootless.base.Hashes;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.Signature;
import java.time.Instant;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** A host as docs/contract-fleet.md has it, written after it and not after the server. */
final class TestHost {
    private static final SecureRandom RANDOM = new SecureRandom();

    final TestClient client;
    private final TestClock clock;
    final KeyPair pair;
    final String machine;
    String id = "";
    String keyId = "";
    byte[] key = new byte[0];
    long sequence;

    TestHost(TestClient client, TestClock clock) throws Exception {
        this(client, clock, KeyPairGenerator.getInstance("Ed25519").generateKeyPair());
    }

    TestHost(TestClient client, TestClock clock, KeyPair pair) {
        this.client = client;
        this.clock = clock;
        this.pair = pair;
        this.machine = hex(32);
    }

    static String hex(int bytes) {
        byte[] random = new byte[bytes];
        RANDOM.nextBytes(random);
        return HexFormat.of().formatHex(random);
    }

    /** The same identity on another machine: a copied disk. */
    TestHost cloned() {
        TestHost clone = new TestHost(client, clock, pair);
        clone.id = id;
        clone.keyId = keyId;
        clone.key = key;
        clone.sequence = sequence;
        return clone;
    }

    String publicKey() {
        byte[] encoded = pair.getPublic().getEncoded();
        return HexFormat.of().formatHex(encoded, encoded.length - 32, encoded.length);
    }

    String sign(String text) throws Exception {
        Signature signature = Signature.getInstance("Ed25519");
        signature.initSign(pair.getPrivate());
        signature.update(text.getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().formatHex(signature.sign());
    }

    TestClient.Answer enrol(String token) throws Exception {
        String signature =
                sign("rebootless-enroll-1\n" + token + "\n" + publicKey() + "\n" + machine + "\n");
        return enrol(token, signature);
    }

    TestClient.Answer enrol(String token, String signature) throws Exception {
        TestClient.Answer answer =
                client.post(
                        "/agent/v1/enroll",
                        Map.of(),
                        """
                        {"schemaVersion":1,"token":"%s","publicKey":"%s","hostname":"host.example",
                         "machine":"%s","signature":"%s"}
                        """
                                .formatted(token, publicKey(), machine, signature));
        if (answer.status() == 200) {
            id = answer.json().path("host").stringValue();
        }
        return answer;
    }

    TestClient.Answer getKey() throws Exception {
        return getKey(clock.instant().toString(), hex(16));
    }

    TestClient.Answer getKey(String time, String nonce) throws Exception {
        return getKey(
                time, nonce, sign("rebootless-key-1\n" + id + "\n" + time + "\n" + nonce + "\n"));
    }

    TestClient.Answer getKey(String time, String nonce, String signature) throws Exception {
        TestClient.Answer answer =
                client.post(
                        "/agent/v1/key",
                        Map.of(),
                        """
                        {"schemaVersion":1,"host":"%s","time":"%s","nonce":"%s","signature":"%s"}
                        """
                                .formatted(id, time, nonce, signature));
        if (answer.status() == 200) {
            keyId = answer.json().path("keyId").stringValue();
            key = HexFormat.of().parseHex(answer.json().path("key").stringValue());
        }
        return answer;
    }

    /** The headers of a message. */
    Map<String, String> signed(String path, byte[] body) throws Exception {
        String text =
                "rebootless-1\n%s\n%s\n%s\n%d\n%s\n"
                        .formatted(path, id, keyId, sequence, Hashes.sha256(body));
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        Map<String, String> headers = new HashMap<>();
        headers.put("Rebootless-Host", id);
        headers.put("Rebootless-Key", keyId);
        headers.put("Rebootless-Sequence", String.valueOf(sequence));
        headers.put(
                "Rebootless-Signature",
                HexFormat.of().formatHex(mac.doFinal(text.getBytes(StandardCharsets.UTF_8))));
        return headers;
    }

    /** A message under the next sequence. */
    TestClient.Answer send(String path, String body) throws Exception {
        sequence++;
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        return client.send("POST", path, signed(path, bytes), bytes);
    }

    TestClient.Answer report(String body) throws Exception {
        return send("/agent/v1/report", body);
    }

    TestClient.Answer unchanged(String body) throws Exception {
        return report(
                "{\"schemaVersion\":1,\"unchanged\":\"%s\"}"
                        .formatted(Hashes.sha256(body.getBytes(StandardCharsets.UTF_8))));
    }

    TestClient.Answer attempt(String action, String livepatch, String sha256, String buildId)
            throws Exception {
        return send(
                "/agent/v1/attempts",
                """
                {"schemaVersion":1,"action":"%s","livepatch":"%s","sha256":"%s","buildId":"%s",
                 "stateVersion":%d}
                """
                        .formatted(action, livepatch, sha256, buildId, TestRelease.STATE_VERSION));
    }

    TestClient.Answer outcome(String attempt, String outcome) throws Exception {
        return send(
                "/agent/v1/attempts/" + attempt + "/outcome",
                """
                {"schemaVersion":1,"outcome":"%s","exitStatus":0,"problems":[],
                 "transitionSeconds":1.5}
                """
                        .formatted(outcome));
    }

    /** Facts of a host on a kernel, with a livepatch that closes a CVE. */
    static String facts(String hostname, String release, String cve, String state) {
        return """
        {"schemaVersion":1,"facts":{"hostname":"%s","os":"Debian GNU/Linux 12 (bookworm)",
         "agent":"0.1.0","release":"%s","buildId":"%s","packageVersion":"6.1.140-1",
         "bootId":"a","bootTime":"%s","modules":["ext4","loop"],
         "livepatches":[{"name":"livepatch_fix","enabled":true,"transition":false,
           "origin":"rebootless","replace":true,"cves":["%s"],"objects":[]}],
         "functions":[],"cves":[{"id":"%s","state":"%s","livepatch":"livepatch_fix","why":""}],
         "secureBoot":null,"lockdown":"none","taint":0,"commandLine":"quiet","sysctls":{},
         "selinux":"disabled","apparmor":"enabled","kernelPackages":[],
         "nextBoot":{"release":"%s","why":"default"},"upgradable":[],
         "rebootRequired":false,"rebootRequiredBy":[]}}
        """
                .formatted(
                        hostname,
                        release,
                        TestRelease.BUILD_ID,
                        Instant.EPOCH,
                        cve,
                        cve,
                        state,
                        release);
    }
}
