grep -q '^ttyS0 .* first$' /proc/consoles
