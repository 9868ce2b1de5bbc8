package dev.rebootless.source.kit;

import dev.rebootless.base.RebootlessException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What {@code uname -r} prints, in Debian's form: {@code 6.1.0-56-cloud-amd64} or {@code
 * 6.12.117+deb12-cloud-amd64}, or {@code 6.12.115+deb13.1-amd64} when one version was built again.
 *
 * <p>It becomes part of package names and of folder names, so the characters are checked first.
 *
 * @param text at most 64 characters (__NEW_UTS_LEN in include/uapi/linux/utsname.h)
 */
public record KernelRelease(String text) {
    private static final int MAX_LENGTH = 64;

    /** Version, the ABI name of old or the suite of newer packages, and the flavour. */
    private static final Pattern FORM =
            Pattern.compile(
                    "(\\d{1,4}\\.\\d{1,4})\\.\\d{1,4}(?:-\\d{1,6})?(?:\\+(?:deb(\\d{1,3})(?:\\.\\d{1,3})?|[a-z0-9.]{1,16}))?-([a-z0-9][a-z0-9.-]{0,40})");

    public KernelRelease {
        if (text.length() > MAX_LENGTH || !FORM.matcher(text).matches()) {
            throw RebootlessException.usage(
                    "RBL-KERNEL-RELEASE",
                    text.length() > MAX_LENGTH ? text.substring(0, MAX_LENGTH) + "…" : text,
                    "is no Debian kernel release",
                    "give what `uname -r` prints, such as 6.1.0-56-cloud-amd64");
        }
    }

    private Matcher parts() {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalStateException("checked when it was made");
        }
        return matcher;
    }

    /** The stable line, such as {@code 6.1}: what {@code linux-source-6.1} is named by. */
    public String line() {
        return parts().group(1);
    }

    /** The configuration, such as {@code cloud-amd64}. */
    public String flavour() {
        return parts().group(3);
    }

    /** The Debian release whose compiler built it, where the name says so ({@code +deb13}: 13). */
    public Optional<Integer> suite() {
        return Optional.ofNullable(parts().group(2)).map(Integer::valueOf);
    }

    /** Whether it is a PREEMPT_RT flavour, whose patches are not in linux-source. */
    public boolean realtime() {
        return flavour().startsWith("rt-");
    }

    @Override
    public String toString() {
        return text;
    }
}
