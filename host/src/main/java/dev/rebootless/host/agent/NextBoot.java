package dev.rebootless.host.agent;

import dev.rebootless.host.files.HostFiles;
import dev.rebootless.host.files.Reading;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The kernel release that would boot next, as far as GRUB's files say it. */
sealed interface NextBoot {
    String CONFIG = "/boot/grub/grub.cfg";
    String ENVIRONMENT = "/boot/grub/grubenv";

    /** The link that Debian's kernel packages keep to the newest (linux-update-symlinks(1)). */
    String LINK = "/vmlinuz";

    /** A kernel's file; its release is what stands behind the hyphen. */
    Pattern IMAGE = Pattern.compile("(?:.*/)?vmlinuz-([A-Za-z0-9][A-Za-z0-9._+~-]{0,63})");

    /** What is looked at as a file of this machine. */
    Pattern PLAIN = Pattern.compile("(?:/[A-Za-z0-9_][A-Za-z0-9._+~-]{0,99}){1,8}");

    /**
     * It is known.
     *
     * @param release as {@code uname -r} will print it
     * @param why how it was told
     */
    record Known(String release, String why) implements NextBoot {}

    /** It cannot be told. */
    record Unknown(String why) implements NextBoot {}

    /** Where it is known. */
    default Optional<Known> known() {
        return this instanceof Known known ? Optional.of(known) : Optional.empty();
    }

    /** Looks. */
    static NextBoot read(HostFiles files) {
        return switch (files.read(CONFIG)) {
            case Reading.Absent _ -> ofLink(files);
            case Reading.Unreadable(String why) -> new Unknown(CONFIG + ": " + why);
            case Reading.Text(String text) ->
                    GrubMenu.parse(text)
                            .map(menu -> ofMenu(menu, files))
                            .orElse(new Unknown(CONFIG + " cannot be understood"));
        };
    }

    private static NextBoot ofMenu(GrubMenu menu, HostFiles files) {
        String environment = "";
        boolean readable = true;
        switch (files.read(ENVIRONMENT)) {
            case Reading.Text(String text) -> environment = text;
            case Reading.Unreadable _ -> readable = false;
            case Reading.Absent _ -> {}
        }
        Optional<String> once = variable(environment, "next_entry");
        List<String> defaults = menu.defaults();
        String chosen;
        String how;
        if (once.isPresent() && defaults.contains("${next_entry}")) {
            chosen = once.get();
            how = "chosen for one boot (grub-reboot)";
        } else {
            String preset =
                    defaults.stream()
                            .filter(d -> !d.equals("${next_entry}"))
                            .reduce((one, other) -> other)
                            .orElse("0");
            if (preset.equals("${saved_entry}")) {
                if (!readable) {
                    return new Unknown(ENVIRONMENT + ", which names the default, cannot be read");
                }
                chosen = variable(environment, "saved_entry").orElse("0");
                how = "GRUB's saved entry '" + chosen + "'";
            } else if (preset.contains("$")) {
                return new Unknown("GRUB's default is computed: " + preset);
            } else {
                chosen = preset;
                how = "GRUB's default entry '" + chosen + "'";
            }
        }
        Optional<String> kernel = menu.kernel(chosen);
        if (kernel.isEmpty()) {
            return new Unknown(how + " is none with a kernel");
        }
        return release(files, kernel.get())
                .<NextBoot>map(release -> new Known(release, how))
                .orElse(new Unknown(how + " has the kernel " + kernel.get()));
    }

    /** An entry may name a link: its target has the release. */
    private static Optional<String> release(HostFiles files, String kernel) {
        Matcher image = IMAGE.matcher(kernel);
        return image.matches()
                ? Optional.of(image.group(1))
                : PLAIN.matcher(kernel).matches() ? target(files, kernel) : Optional.empty();
    }

    private static Optional<String> target(HostFiles files, String link) {
        try {
            Path target = Files.readSymbolicLink(files.path(link));
            Matcher image = IMAGE.matcher(target.toString());
            return image.matches() ? Optional.of(image.group(1)) : Optional.empty();
        } catch (IOException | UnsupportedOperationException e) {
            return Optional.empty();
        }
    }

    private static NextBoot ofLink(HostFiles files) {
        if (!Files.isSymbolicLink(files.path(LINK))) {
            return new Unknown("neither " + CONFIG + " nor the link " + LINK + " is there");
        }
        return target(files, LINK)
                .<NextBoot>map(release -> new Known(release, "the link " + LINK))
                .orElse(new Unknown("the link " + LINK + " leads to no kernel of a release"));
    }

    /** The block that grub-editenv(1) writes: lines {@code name=value}. */
    private static Optional<String> variable(String environment, String name) {
        return environment
                .lines()
                .filter(line -> line.startsWith(name + "="))
                .map(line -> line.substring(name.length() + 1).strip())
                .filter(value -> !value.isEmpty() && value.length() < 1_000)
                .findFirst();
    }
}
