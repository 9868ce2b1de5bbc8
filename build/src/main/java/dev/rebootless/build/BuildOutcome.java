package dev.rebootless.build;

import dev.rebootless.manifest.Manifest;
import dev.rebootless.manifest.Proof;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** How a build ended, if nothing stood in its way; refusals are exceptions. */
public sealed interface BuildOutcome {
    /** No compiled function changed: there is nothing to load. */
    record Unchanged(List<String> warnings) implements BuildOutcome {
        public Unchanged {
            warnings = List.copyOf(warnings);
        }
    }

    /** What would be built, without a module. */
    record Explained(List<Manifest.TargetObject> objects, List<String> added, List<String> warnings)
            implements BuildOutcome {
        public Explained {
            objects = List.copyOf(objects);
            added = List.copyOf(added);
            warnings = List.copyOf(warnings);
        }
    }

    /**
     * A module.
     *
     * @param module the {@code .ko}
     * @param json the file beside it
     * @param concerns of what some warnings of the manifest are
     * @param proof of the boots; empty if the build was told not to test
     */
    record Built(
            Path module, Path json, Manifest manifest, Set<Concern> concerns, Optional<Proof> proof)
            implements BuildOutcome {
        public Built {
            concerns = Set.copyOf(concerns);
        }
    }
}
