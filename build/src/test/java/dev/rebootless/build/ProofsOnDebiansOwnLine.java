package dev.rebootless.build;

import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What the proofs on Debian 12's own kernel begin with: a folder for each, and its kit. */
@Execution(ExecutionMode.CONCURRENT)
abstract class ProofsOnDebiansOwnLine {
    @TempDir Path folder;
    Proving proving;

    @BeforeEach
    void takeTheKit() {
        proving = new Proving(folder);
    }
}
