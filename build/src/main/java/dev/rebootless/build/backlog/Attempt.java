package dev.rebootless.build.backlog;

import dev.rebootless.base.Problem;
import dev.rebootless.build.Concern;
import dev.rebootless.manifest.Manifest;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/** What building a set of pieces came to. */
sealed interface Attempt {
    /** A module, not proven by boot yet. */
    record Built(Path module, Path json, Manifest manifest, Set<Concern> concerns)
            implements Attempt {
        public Built {
            concerns = Set.copyOf(concerns);
        }
    }

    /** The code that this kernel has of it stays as it is. */
    record Unchanged(List<String> warnings) implements Attempt {
        public Unchanged {
            warnings = List.copyOf(warnings);
        }
    }

    /** Why there can be none. */
    record Refused(List<Problem> problems) implements Attempt {
        public Refused {
            problems = List.copyOf(problems);
        }
    }
}
