ip link set lo up; before=$(dmesg | grep -c 'rebootless: 6 bytes of data')
# A pipe that never ends: at the end of its input nc would close the connection from its side.
[ -p /tmp/hold ] || mkfifo /tmp/hold
nc -l -p 4242 <>/tmp/hold >/tmp/received &
until grep -q ':1092 0*:0000 0A' /proc/net/tcp /proc/net/tcp6; do sleep 1; done
# The first data may come with the end of the handshake, by another function; the second cannot.
{ echo hello; sleep 1; echo again; } | nc -w 15 127.0.0.1 4242; wait
grep -q again /tmp/received || exit 3
[ $(dmesg | grep -c 'rebootless: 6 bytes of data') -gt "$before" ]
