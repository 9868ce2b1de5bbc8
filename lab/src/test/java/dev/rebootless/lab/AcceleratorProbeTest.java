package dev.rebootless.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AcceleratorProbeTest {
    @TempDir Path folder;

    @Test
    void withoutTheDeviceNothingIsTried() throws IOException {
        Accelerator best =
                new AcceleratorProbe(folder, folder.resolve("none"))
                        .best(() -> {
                            throw new AssertionError("tried");
                        });
        assertThat(best).isEqualTo(Accelerator.TCG);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void anAnswerIsKeptForTheNextRun() throws IOException {
        for (boolean works : List.of(true, false)) {
            Path kept = folder.resolve("kept-" + works);
            Path device = Files.writeString(folder.resolve("kvm"), "");
            AtomicInteger tries = new AtomicInteger();
            for (int run = 0; run < 3; run++) {
                Accelerator best =
                        new AcceleratorProbe(kept, device)
                                .best(() -> {
                                    tries.incrementAndGet();
                                    return works;
                                });
                assertThat(best).isEqualTo(works ? Accelerator.KVM : Accelerator.TCG);
            }
            assertThat(tries).hasValue(1);
        }
    }

    @Test
    void aDamagedAnswerIsAskedForAgain() throws IOException {
        Path device = Files.writeString(folder.resolve("kvm"), "");
        AcceleratorProbe probe = new AcceleratorProbe(folder.resolve("kept"), device);
        assertThat(probe.best(() -> true)).isEqualTo(Accelerator.KVM);
        try (var files = Files.list(folder.resolve("kept"))) {
            Files.writeString(files.findFirst().orElseThrow(), "kvn");
        }
        assertThat(probe.best(() -> false)).isEqualTo(Accelerator.TCG);
    }
}
