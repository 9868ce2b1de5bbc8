grep -q '^MemTotal: .* KiB$' /proc/meminfo && grep -q '^MemFree: .* kB$' /proc/meminfo
