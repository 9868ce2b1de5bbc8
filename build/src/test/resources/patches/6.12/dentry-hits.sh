cd /tmp; echo x >rebootless.there
i=0; while [ $i -lt 50 ]; do [ -e /tmp/rebootless.there ] || exit 2; i=$((i + 1)); done
[ -e /tmp/rebootless.absent ] && exit 3
set -- $(cat /proc/sys/fs/dentry-state); echo "$6 found"; [ "$6" -ge 50 ]
