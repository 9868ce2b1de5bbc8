grep -q '^processor' /proc/cpuinfo || exit 1
(: >/proc/cpuinfo) 2>/dev/null && exit 2
exit 0
