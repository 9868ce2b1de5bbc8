cat /proc/cmdline
grep -q '^again: .*console' /proc/cmdline
