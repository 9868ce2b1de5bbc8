package dev.rebootless.lab;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.manifest.ProofCheck;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class GuestProtocolTest {
    private static final String NONCE = "00112233aabbccdd";
    private static final int FUZZ_ROUNDS = 20_000;

    private final GuestProtocol protocol = new GuestProtocol(NONCE, 30);

    @Test
    void theReportOfAWholeProofIsRead() {
        List<GuestMessage> messages =
                wholeProof().stream().map(protocol::accept).flatMap(Optional::stream).toList();

        assertThat(protocol.unreadable()).isZero();
        assertThat(messages)
                .containsExactly(
                        new GuestMessage.Ready(0, "6.1.0", "Linux version 6.1.0"),
                        new GuestMessage.Insert("dummy", "dummy", 0, 0.03, "", List.of()),
                        new GuestMessage.Insert(
                                "uncore", "base", 1, 0.04, "insmod: no", List.of("base: absent")),
                        new GuestMessage.StageBegins(GuestMessage.Stage.PRESENT, 1),
                        new GuestMessage.Check(
                                new ProofCheck("before", 1, "no\n", false, false, 0.12)),
                        new GuestMessage.Load(0, 0, 0.1, "", List.of()),
                        new GuestMessage.Transition(GuestMessage.Direction.EARLIER, true, 0.9),
                        new GuestMessage.Earlier(
                                GuestMessage.When.BEFORE,
                                0,
                                "livepatch_old",
                                GuestMessage.Fate.STAYS),
                        new GuestMessage.Earlier(
                                GuestMessage.When.BEFORE, 1, "", GuestMessage.Fate.NONE),
                        new GuestMessage.Check(
                                new ProofCheck("earlier", 1, "", false, false, 0.01)),
                        new GuestMessage.Livepatch("livepatch_x"),
                        new GuestMessage.Transition(GuestMessage.Direction.ENABLE, true, 1.1),
                        new GuestMessage.Function(true, "vmlinux", "cmdline_proc_show,1"),
                        new GuestMessage.Taints("OEK", 45056),
                        new GuestMessage.Earlier(
                                GuestMessage.When.DURING,
                                0,
                                "livepatch_old",
                                GuestMessage.Fate.GONE),
                        new GuestMessage.Release("livepatch_old", 0, 0.06, ""),
                        new GuestMessage.Transition(GuestMessage.Direction.DISABLE, false, 60),
                        new GuestMessage.Lagging(
                                new dev.rebootless.manifest.ProofTask(
                                        12,
                                        "cat",
                                        List.of("pipe_read+0x1/0x2", "vfs_read+0x3/0x4"))),
                        new GuestMessage.Unload(1, 0.05, "rmmod: busy"),
                        new GuestMessage.Remove("dummy", 1, 0.5, "in use"),
                        new GuestMessage.StageBegins(GuestMessage.Stage.AGAIN, 45056),
                        new GuestMessage.Check(new ProofCheck("again", 0, "", false, false, 0.01)),
                        new GuestMessage.End(45056));
    }

    @Test
    void aLineWithoutTheNonceIsCountedAndNotRead() {
        assertThat(protocol.accept("0123456789abcdef 0 end 0")).isEmpty();
        assertThat(protocol.accept("garbage")).isEmpty();
        assertThat(protocol.accept("")).isEmpty();
        assertThat(protocol.unreadable()).isEqualTo(3);
    }

    @Test
    void aLineOutOfTurnIsCountedAndNotRead() {
        assertThat(protocol.accept(NONCE + " 1 end 0")).isEmpty();
        assertThat(protocol.accept(NONCE + " 0 end 0")).isPresent();
        assertThat(protocol.accept(NONCE + " 0 end 0")).isEmpty();
        assertThat(protocol.unreadable()).isEqualTo(2);
    }

    @Test
    void theFirstBytesOfALongOutputAreKeptAndTheRestIsNamedAsLost() {
        byte[] output = new byte[ProofCheck.MAX_OUTPUT_BYTES + 1];
        java.util.Arrays.fill(output, (byte) 'x');
        String line = NONCE + " 0 check during 0 5 " + base64(output);

        assertThat(line.length()).isLessThan(GuestProtocol.MAX_LINE_BYTES);
        assertThat(protocol.accept(line))
                .hasValueSatisfying(message -> {
                    ProofCheck check = ((GuestMessage.Check) message).result();
                    assertThat(check.truncated()).isTrue();
                    assertThat(check.output()).hasSize(ProofCheck.MAX_OUTPUT_BYTES);
                });
    }

    @Test
    void aCheckThatWasEndedIsToldFromOneThatExitsWithTheSameStatus() {
        assertThat(protocol.accept(NONCE + " 0 check before 143 3000 -"))
                .hasValueSatisfying(message ->
                        assertThat(((GuestMessage.Check) message).result().timedOut()).isTrue());
        assertThat(protocol.accept(NONCE + " 1 check during 143 10 -"))
                .hasValueSatisfying(message ->
                        assertThat(((GuestMessage.Check) message).result().timedOut()).isFalse());
    }

    @Test
    void noDamageToAReportEndsInAFault() {
        long seed = System.nanoTime();
        System.err.println("seed " + seed);
        Random random = new Random(seed);
        List<String> whole = wholeProof();
        for (int round = 0; round < FUZZ_ROUNDS; round++) {
            GuestProtocol victim = new GuestProtocol(NONCE, 30);
            int read = 0;
            for (String line : whole) {
                String damaged = random.nextInt(4) == 0 ? damage(line, random) : line;
                read += victim.accept(damaged).isPresent() ? 1 : 0;
            }
            assertThat(read + victim.unreadable()).as("seed " + seed).isEqualTo(whole.size());
        }
    }

    private static String damage(String line, Random random) {
        StringBuilder text = new StringBuilder(line);
        int edits = 1 + random.nextInt(3);
        for (int i = 0; i < edits && !text.isEmpty(); i++) {
            int at = random.nextInt(text.length());
            switch (random.nextInt(4)) {
                case 0 -> text.setCharAt(at, (char) random.nextInt(0x180));
                case 1 -> text.deleteCharAt(at);
                case 2 -> text.insert(at, random.nextBoolean() ? " " : "99999999999999999999");
                default -> text.setLength(at);
            }
        }
        return text.toString();
    }

    private static List<String> wholeProof() {
        List<String> bodies =
                List.of(
                        "ready 0 " + base64("6.1.0\n") + " " + base64("Linux version 6.1.0\n"),
                        "insert dummy dummy 0 3 - -",
                        "insert uncore base 1 4 "
                                + base64("insmod: no\n")
                                + " "
                                + base64("[    1.5] base: absent\n[    1.6] base: absent\n"),
                        "stage present 1",
                        "check before 1 12 " + base64("no\n"),
                        "load 0 0 10 - -",
                        "transition earlier done 90",
                        "earlier before 0 livepatch_old stays",
                        "earlier before 1 - none",
                        "check earlier 1 1 -",
                        "livepatch livepatch_x",
                        "transition enable done 110",
                        "function 1 vmlinux cmdline_proc_show,1",
                        "taint OEK 45056",
                        "earlier during 0 livepatch_old gone",
                        "release livepatch_old 0 6 -",
                        "transition disable timeout 6000",
                        "task 12 "
                                + base64("cat\n")
                                + " "
                                + base64("[<0>] pipe_read+0x1/0x2\n[<0>] vfs_read+0x3/0x4\n"),
                        "unload 1 5 " + base64("rmmod: busy\n"),
                        "remove dummy 1 50 " + base64("in use\n"),
                        "stage again 45056",
                        "check again 0 1 -",
                        "end 45056");
        List<String> lines = new ArrayList<>();
        for (String body : bodies) {
            lines.add(NONCE + " " + lines.size() + " " + body);
        }
        return lines;
    }

    private static String base64(String text) {
        return base64(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }
}
