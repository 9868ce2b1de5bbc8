grep -q '^show_softirqs  *CPU0' /proc/softirqs
