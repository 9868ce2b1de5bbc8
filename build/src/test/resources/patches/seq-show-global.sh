grep -q '^live patched by Rebootless$' /proc/version && grep -q '^Linux version' /proc/version
