package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.source.kit.Kit;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** In the source of the stock kernel. */
class KernelThreadsTest {
    @ParameterizedTest
    @CsvSource({
        // Started by another file than its own; by its own, over two lines or one; and no thread.
        "scsi_error_handler, drivers/scsi/scsi_error.c, drivers/scsi/hosts.c",
        "kauditd_thread, kernel/audit.c, kernel/audit.c",
        "kswapd, mm/vmscan.c, mm/vmscan.c",
        "scsi_eh_flush_done_q, drivers/scsi/scsi_error.c, ''",
        "do_exit, kernel/exit.c, ''",
    })
    void theMainFunctionOfAKernelThreadIsKnownWhoeverStartsIt(
            String function, String unit, String where) throws IOException {
        Kit kit = StockKernelKit.get();
        String text = Files.readString(kit.tree().resolve(unit), StandardCharsets.ISO_8859_1);
        assertThat(KernelThreads.startedIn(function, unit, text, kit.tree()))
                .isEqualTo(where.isEmpty() ? java.util.List.of() : java.util.List.of(where));
    }
}
