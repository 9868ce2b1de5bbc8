readers() { taskset $1 cut -d ' ' -f 3 -s /proc/uptime; }
# Reads on both CPUs count, and nothing else than reads does.
first=$(readers 1)
[ -n "$first" ] || exit 1
readers 2; readers 1
[ $(readers 2) = $((first + 3)) ]
