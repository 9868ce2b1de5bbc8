package dev.rebootless.base;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Objects;

/** What is said of files that cannot be read or written. */
public final class FileFaults {
    private FileFaults() {}

    /**
     * Why, without the file's name, which Java puts in front; Java leaves the reason out where the
     * exception's class says it.
     */
    public static String reason(IOException fault) {
        if (!(fault instanceof FileSystemException file)) {
            return String.valueOf(fault.getMessage());
        }
        String reason = Objects.requireNonNullElse(file.getReason(), "");
        return !reason.isEmpty()
                ? reason
                : switch (file) {
                    case AccessDeniedException _ -> "permission denied";
                    case NoSuchFileException _ -> "no such file or folder";
                    default -> file.getClass().getSimpleName();
                };
    }
}
