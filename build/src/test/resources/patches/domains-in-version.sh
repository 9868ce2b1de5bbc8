grep -q 'kernel.$' /proc/version
