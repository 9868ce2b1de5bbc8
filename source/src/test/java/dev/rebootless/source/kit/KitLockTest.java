package dev.rebootless.source.kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Progress;
import dev.rebootless.base.RebootlessException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KitLockTest {
    @TempDir private Path folder;

    @Test
    void onlyOneThreadAtATimeHoldsTheLock() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Callable<Integer> work =
                    () -> {
                        try (KitLock _ =
                                KitLock.acquire(folder.resolve("lock"), "a kit", Progress.SILENT)) {
                            int now = inside.incrementAndGet();
                            Thread.sleep(20);
                            inside.decrementAndGet();
                            return now;
                        }
                    };
            for (Future<Integer> each : threads.invokeAll(Collections.nCopies(6, work))) {
                assertThat(each.get()).isEqualTo(1);
            }
        }
    }

    @Test
    void whoWaitsSaysSoAndAnInterruptEndsTheWait() throws Exception {
        List<String> said = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch waiting = new CountDownLatch(1);
        try (KitLock _ = KitLock.acquire(folder.resolve("lock"), "a kit", Progress.SILENT);
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> second =
                    threads.submit(() -> {
                        KitLock.acquire(
                                        folder.resolve("lock"),
                                        "a kit",
                                        line -> {
                                            said.add(line);
                                            waiting.countDown();
                                        })
                                .close();
                        return true;
                    });
            waiting.await();
            threads.shutdownNow();
            assertThatThrownBy(second::get)
                    .cause()
                    .isInstanceOfSatisfying(
                            RebootlessException.class,
                            e -> assertThat(e.status()).isEqualTo(ExitStatus.INTERRUPTED));
        }
        assertThat(said)
                .first()
                .asString()
                .startsWith("another process or thread is making a kit; waiting");
    }
}
