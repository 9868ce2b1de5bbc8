package dev.rebootless.build.backlog;

import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * What a backlog is to be.
 *
 * @param selection which CVEs
 * @param takenOn which doubts keep no fix out
 * @param replace whether the livepatch takes over from all that are loaded
 * @param each one livepatch for each fix instead of one for all
 * @param maxFunctions as many functions as one livepatch may replace
 * @param test whether what is built is proven by boot
 * @param build whether anything is built at all; otherwise fixes are only tried
 * @param name of the livepatch
 * @param folder for modules
 * @param check a script that must fail without the livepatch and pass with it
 */
public record BacklogRequest(
        Selection selection,
        Set<Doubt> takenOn,
        boolean replace,
        boolean each,
        int maxFunctions,
        boolean test,
        boolean build,
        String name,
        Path folder,
        Optional<Path> check) {
    public BacklogRequest {
        takenOn = Set.copyOf(takenOn);
    }
}
