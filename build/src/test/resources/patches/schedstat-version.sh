grep -q '^version [0-9]* rebootless$' /proc/schedstat && grep -q '^cpu1 ' /proc/schedstat
