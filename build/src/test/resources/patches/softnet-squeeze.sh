# The third column, in hexadecimal, of all CPUs.
runs() { total=0; while read -r a b c d; do total=$((total + 0x$c)); done </proc/net/softnet_stat; echo $total; }
first=$(runs)
ping -c 3 -i 0.2 -W 2 127.0.0.1
last=$(runs)
cat /proc/net/softnet_stat
# Each ping is a request and a reply.
[ $((last - first)) -ge 3 ]
