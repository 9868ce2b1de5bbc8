package dev.rebootless.host.agent;

import dev.rebootless.host.files.HostFiles;
import dev.rebootless.host.files.Reading;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** How this machine is secured, as the kernel's own files show it. */
final class SecurityFacts {
    /** EFI_GLOBAL_VARIABLE (UEFI specification, 3.3): four bytes of attributes, then the value. */
    private static final String SECURE_BOOT =
            "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

    private static final int ATTRIBUTES = 4;

    private static final Pattern CHOSEN = Pattern.compile("\\[(none|integrity|confidentiality)\\]");

    /** Those that decide how much a hole in the kernel is worth to somebody on the machine. */
    private static final List<String> SYSCTLS =
            List.of(
                    "kernel.dmesg_restrict",
                    "kernel.io_uring_disabled",
                    "kernel.kexec_load_disabled",
                    "kernel.kptr_restrict",
                    "kernel.modules_disabled",
                    "kernel.perf_event_paranoid",
                    "kernel.randomize_va_space",
                    "kernel.unprivileged_bpf_disabled",
                    "kernel.unprivileged_userns_clone",
                    "kernel.yama.ptrace_scope",
                    "net.core.bpf_jit_harden",
                    "user.max_user_namespaces",
                    "vm.unprivileged_userfaultfd");

    private SecurityFacts() {}

    /** True or false; empty where it cannot be told. A machine without EFI has none. */
    static Optional<Boolean> secureBoot(HostFiles files) {
        if (files.isAbsent("/sys/firmware/efi")) {
            return files.exists("/sys/firmware") ? Optional.of(false) : Optional.empty();
        }
        try {
            byte[] variable = files.bytes(SECURE_BOOT);
            return variable.length == ATTRIBUTES + 1
                    ? Optional.of(variable[ATTRIBUTES] == 1)
                    : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** {@code none}, {@code integrity} or {@code confidentiality} (kernel_lockdown(7)). */
    static Optional<String> lockdown(HostFiles files) {
        Matcher chosen =
                CHOSEN.matcher(files.read("/sys/kernel/security/lockdown").known().orElse(""));
        return chosen.find() ? Optional.of(chosen.group(1)) : Optional.empty();
    }

    /** The number of {@code /proc/sys/kernel/tainted}. */
    static Optional<Long> taint(HostFiles files) {
        return files.read("/proc/sys/kernel/tainted")
                .known()
                .filter(text -> text.matches("[0-9]{1,18}"))
                .map(Long::valueOf);
    }

    /** By name; one that the kernel does not have, or that may not be read, is left out. */
    static Map<String, @Nullable Object> sysctls(HostFiles files) {
        Map<String, @Nullable Object> values = new TreeMap<>();
        for (String name : SYSCTLS) {
            files.read("/proc/sys/" + name.replace('.', '/'))
                    .known()
                    .filter(value -> value.length() <= 64)
                    .ifPresent(value -> values.put(name, value));
        }
        return values;
    }

    /** {@code enforcing}, {@code permissive} or {@code disabled}. */
    static Optional<String> selinux(HostFiles files) {
        return switch (files.read("/sys/fs/selinux/enforce")) {
            case Reading.Text(String text) ->
                    switch (text) {
                        case "1" -> Optional.of("enforcing");
                        case "0" -> Optional.of("permissive");
                        default -> Optional.empty();
                    };
            case Reading.Absent _ ->
                    files.exists("/sys/fs") ? Optional.of("disabled") : Optional.empty();
            case Reading.Unreadable _ -> Optional.empty();
        };
    }

    /** {@code enabled} or {@code disabled}: whether it is among the security modules in force. */
    static Optional<String> apparmor(HostFiles files) {
        return files.read("/sys/kernel/security/lsm")
                .known()
                .map(lsm -> List.of(lsm.split(",")).contains("apparmor") ? "enabled" : "disabled");
    }
}
