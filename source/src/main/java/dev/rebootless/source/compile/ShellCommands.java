package dev.rebootless.source.compile;

import java.util.ArrayList;
import java.util.List;

/**
 * Splits a line of shell into its simple commands and their words (POSIX.1-2017, Shell Command
 * Language, 2.2 Quoting and 2.3 Token Recognition), as far as kbuild uses the shell. Nothing is
 * expanded: {@code $} and {@code *} stay as they are.
 */
final class ShellCommands {
    /** What kbuild runs for one object; a longer line is cut, and its last command incomplete. */
    private static final int MAX_WORDS = 100_000;

    private final String line;
    private final List<List<String>> commands = new ArrayList<>();
    private List<String> words = new ArrayList<>();
    private final StringBuilder word = new StringBuilder();
    private boolean inWord;
    private int count;

    private ShellCommands(String line) {
        this.line = line;
    }

    /** The simple commands of a line, separated by {@code ;}, {@code &}, {@code |} or new lines. */
    static List<List<String>> of(String line) {
        return new ShellCommands(line).split();
    }

    private List<List<String>> split() {
        int at = 0;
        while (at < line.length() && count < MAX_WORDS) {
            char c = line.charAt(at);
            switch (c) {
                case ' ', '\t' -> endWord();
                case ';', '|', '&', '\n' -> endCommand();
                case '\'' -> {
                    inWord = true;
                    int close = line.indexOf('\'', at + 1);
                    int end = close < 0 ? line.length() : close;
                    word.append(line, at + 1, end);
                    at = end;
                }
                case '"' -> at = doubleQuoted(at + 1);
                case '\\' -> {
                    inWord = true;
                    at++;
                    if (at < line.length()) {
                        word.append(line.charAt(at));
                    }
                }
                default -> {
                    inWord = true;
                    word.append(c);
                }
            }
            at++;
        }
        endCommand();
        return commands;
    }

    /** Reads up to the closing quote and returns its index. */
    private int doubleQuoted(int from) {
        inWord = true;
        int at = from;
        while (at < line.length() && line.charAt(at) != '"') {
            boolean escape =
                    line.charAt(at) == '\\'
                            && at + 1 < line.length()
                            && "\"\\$`".indexOf(line.charAt(at + 1)) >= 0;
            if (escape) {
                at++;
            }
            word.append(line.charAt(at));
            at++;
        }
        return at;
    }

    private void endWord() {
        if (inWord) {
            words.add(word.toString());
            count++;
            word.setLength(0);
            inWord = false;
        }
    }

    private void endCommand() {
        endWord();
        if (!words.isEmpty()) {
            commands.add(List.copyOf(words));
            words = new ArrayList<>();
        }
    }
}
