grep -qx 'fast		: fpu yes, ia64 no, interrupts on' /proc/cpuinfo && grep -q '^processor	: 1' /proc/cpuinfo
