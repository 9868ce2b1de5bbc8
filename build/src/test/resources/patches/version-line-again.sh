grep -q '^live patched twice by Rebootless$' /proc/version && ! grep -q 'patched by' /proc/version
