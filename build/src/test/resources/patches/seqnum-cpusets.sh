grep -q ' plain$' /sys/kernel/uevent_seqnum || exit 1
mkdir -p /run/cpuset
mount -t cgroup -o cpuset cpuset /run/cpuset || exit 2
mkdir /run/cpuset/one
# The kernel switches its key on while the livepatch is there, and off again.
grep -q ' cpusets$' /sys/kernel/uevent_seqnum
shown=$?
rmdir /run/cpuset/one
umount /run/cpuset
tries=0
until grep -q ' plain$' /sys/kernel/uevent_seqnum; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || exit 3
    usleep 50000
done
exit $shown
