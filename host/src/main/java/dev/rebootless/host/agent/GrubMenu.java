package dev.rebootless.host.agent;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The entries of a {@code grub.cfg} as grub-mkconfig writes it (GRUB manual, "menuentry",
 * "submenu", "default"). It is a script, and is not run: what its entries and its default are is
 * read from its lines, and where they say more than that, it is unknown.
 */
final class GrubMenu {
    private static final int MAX_ENTRIES = 1_000;
    private static final int MAX_LINES = 100_000;

    /** A title in quotes, and the id behind {@code $menuentry_id_option} or {@code --id}. */
    private static final Pattern ENTRY =
            Pattern.compile("^(menuentry|submenu)\\s+(?:'([^']*)'|\"([^\"]*)\")(.*)\\{\\s*$");

    private static final Pattern ID =
            Pattern.compile(
                    "(?:\\$menuentry_id_option|--id)[ =]+(?:'([^']*)'|\"([^\"]*)\"|(\\S+))");

    private static final Pattern KERNEL = Pattern.compile("^linux(?:16|efi)?\\s+(\\S+).*");

    private static final Pattern DEFAULT = Pattern.compile("^set\\s+default=\"?([^\"]*)\"?\\s*$");

    private final Entry top = new Entry("", "", false);
    private final List<String> defaults = new ArrayList<>();

    private GrubMenu() {}

    private static final class Entry {
        private final String title;
        private final String id;
        private final boolean submenu;
        private final List<Entry> entries = new ArrayList<>();
        private Optional<String> kernel = Optional.empty();

        Entry(String title, String id, boolean submenu) {
            this.title = title;
            this.id = id;
            this.submenu = submenu;
        }
    }

    /** Reads a configuration; empty when it is none that can be understood. */
    static Optional<GrubMenu> parse(String config) {
        GrubMenu menu = new GrubMenu();
        Deque<Entry> open = new ArrayDeque<>();
        open.push(menu.top);
        int entries = 0;
        int lines = 0;
        for (String raw : config.split("\n", -1)) {
            String line = raw.strip();
            Matcher entry = ENTRY.matcher(line);
            if (++lines > MAX_LINES) {
                return Optional.empty();
            }
            if (entry.matches()) {
                if (++entries > MAX_ENTRIES) {
                    return Optional.empty();
                }
                Entry next =
                        new Entry(
                                first(entry, 2, 3),
                                id(entry.group(4)),
                                entry.group(1).equals("submenu"));
                open.element().entries.add(next);
                open.push(next);
            } else if (line.equals("}") && open.size() > 1) {
                open.pop();
            } else if (open.size() > 1) {
                Matcher kernel = KERNEL.matcher(line);
                if (kernel.matches() && open.element().kernel.isEmpty()) {
                    open.element().kernel = Optional.of(kernel.group(1));
                }
            } else {
                Matcher preset = DEFAULT.matcher(line);
                if (preset.matches()) {
                    menu.defaults.add(preset.group(1));
                }
            }
        }
        return open.size() == 1 && entries > 0 ? Optional.of(menu) : Optional.empty();
    }

    private static String id(String options) {
        Matcher id = ID.matcher(options);
        return id.find() ? first(id, 1, 2, 3) : "";
    }

    private static String first(Matcher matcher, int... groups) {
        for (int group : groups) {
            String text = matcher.group(group);
            if (text != null) {
                return text;
            }
        }
        return "";
    }

    /** The values that the script may give its variable {@code default}, in its order. */
    List<String> defaults() {
        return List.copyOf(defaults);
    }

    /**
     * The kernel's file of the entry that a default names.
     *
     * @param name numbers from 0, titles or ids, of submenus before a {@code >}
     */
    Optional<String> kernel(String name) {
        Entry at = top;
        for (String part : name.split(">", -1)) {
            Optional<Entry> next = find(at, part);
            if (next.isEmpty()) {
                return Optional.empty();
            }
            at = next.get();
        }
        // A default that names a submenu alone boots its first entry.
        while (at.submenu && !at.entries.isEmpty()) {
            at = at.entries.getFirst();
        }
        return at.kernel;
    }

    private static Optional<Entry> find(Entry in, String part) {
        for (Entry each : in.entries) {
            if (!part.isEmpty() && (each.title.equals(part) || each.id.equals(part))) {
                return Optional.of(each);
            }
        }
        // An empty default is the first entry.
        String number = part.isEmpty() ? "0" : part;
        if (!number.matches("[0-9]{1,4}") || Integer.parseInt(number) >= in.entries.size()) {
            return Optional.empty();
        }
        return Optional.of(in.entries.get(Integer.parseInt(number)));
    }
}
