# What the guest's scripts have in common: loading livepatches, and work for the kernel meanwhile. For busybox's sh.

fail() {
    echo "fault $*"
    dmesg | tail -n 20
    touch /run/stop
    exit 1
}

# Inserts a module and waits for the end of its livepatch's transition, at most 100 s.
enable() {
    insmod /modules/$1.ko || fail "insmod $2"
    tries=0
    while :; do
        read -r state 2>/dev/null </sys/kernel/livepatch/$2/transition || fail "$2 is not listed"
        [ "$state" = 0 ] && return
        tries=$((tries + 1))
        [ $tries -lt 2000 ] || fail "the transition to $2 does not end"
        usleep 50000
    done
}

# Waits until the kernel no longer lists a livepatch, and removes its module. Its last reference is dropped by a work
# item (kernel/livepatch/core.c, klp_free_patch_work_fn), so the first try may come too early.
leave() {
    tries=0
    while [ -d /sys/kernel/livepatch/$1 ]; do
        tries=$((tries + 1))
        [ $tries -lt 2000 ] || fail "the kernel keeps $1"
        usleep 50000
    done
    tries=0
    while ! rmmod $1 2>/run/error; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || fail "rmmod $1: $(cat /run/error)"
        usleep 50000
    done
}

disable() {
    echo 0 >/sys/kernel/livepatch/$1/enabled || fail "disable $1"
    leave $1
}

# Processes that fork and end, through pipes.
forks() {
    rounds=0
    while [ ! -e /run/stop ]; do
        [ "$(echo word | sh -c cat)" = word ] || echo forks >>/run/wrong
        rounds=$((rounds + 1))
        usleep 10000
    done
    echo $rounds >/run/rounds.forks
}

# Files on a file system of a block device (ext4's code, loop's device): written down to the device, copied, compared,
# removed.
files() {
    rounds=0
    while [ ! -e /run/stop ]; do
        dd if=/dev/urandom of=/work/files/one bs=64k count=4 conv=fsync 2>/dev/null
        cp /work/files/one /work/files/two
        cmp -s /work/files/one /work/files/two || echo files >>/run/wrong
        rm /work/files/one /work/files/two
        rounds=$((rounds + 1))
        usleep 10000
    done
    echo $rounds >/run/rounds.files
}

# TCP over lo: a server that forks for each connection, and what it sends compared; and ICMP.
network() {
    rounds=0
    while [ ! -e /run/stop ]; do
        wget -q -O /work/got http://127.0.0.1:8080/page 2>/dev/null
        cmp -s /work/got /work/www/page || echo network >>/run/wrong
        rm -f /work/got
        ping -c 1 -q 127.0.0.1 >/dev/null || echo ping >>/run/wrong
        rounds=$((rounds + 1))
        usleep 10000
    done
    echo $rounds >/run/rounds.network
}

# A process, and those it makes, come after what loads livepatches: on kernels with PREEMPT_DYNAMIC each transition writes
# thousands of static calls, one by one (kernel/sched/core.c, sched_dynamic_klp_disable()), and an emulated processor that
# is busy with others would take minutes for it.
behind() {
    renice -n 15 -p $1 >/dev/null
}

# What the kernel itself has counted: processes made since the boot (/proc/stat), packets over lo (/proc/net/dev: bytes,
# then packets received), sectors written to the loop device since it was attached (Documentation/block/stat.rst).
counted() {
    case $1 in
    processes) sed -n 's/^processes //p' /proc/stat ;;
    packets) sed -n 's/^ *lo: *[0-9]* *\([0-9]*\) .*/\1/p' /proc/net/dev ;;
    sectors) awk '{ print $7 }' /sys/block/${loop#/dev/}/stat ;;
    esac
}

start_work() {
    rm -f /run/stop /run/wrong
    mkdir -p /work
    mount -t tmpfs -o size=16m work /work
    mkdir /work/www /work/files
    dd if=/dev/urandom of=/work/www/page bs=64k count=2 2>/dev/null
    [ -d /sys/module/loop ] || insmod /targets/loop.ko || fail "insmod loop"
    dd if=/dev/zero of=/work/disk bs=1k count=0 seek=8192 2>/dev/null
    mke2fs -F /work/disk >/dev/null 2>&1 || fail "mke2fs"
    loop=$(losetup -f) && losetup $loop /work/disk && mount -t ext4 $loop /work/files || fail "no block device"
    httpd -f -p 127.0.0.1:8080 -h /work/www &
    server=$!
    tries=0
    until wget -q -O /dev/null http://127.0.0.1:8080/page 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || fail "no server"
        usleep 50000
    done
    for what in processes packets sectors; do
        eval "began_$what=$(counted $what)"
    done
    workers=
    for kind in forks files network; do
        $kind &
        workers="$workers $!"
        behind $!
    done
}

# Ends all work and says, under $1, how much was done until now; nothing of it may have gone wrong.
stop_work() {
    touch /run/stop
    wait $workers
    kill $server
    wait $server 2>/dev/null
    for kind in forks files network; do
        read -r rounds </run/rounds.$kind
        eval "all=\$((\${all_$kind:-0} + rounds)) all_$kind=\$all"
        echo "$1.rounds.$kind $all"
    done
    sync
    for what in processes packets sectors; do
        eval "all=\$((\${all_$what:-0} + $(counted $what) - began_$what)) all_$what=\$all"
        echo "$1.rounds.$what $all"
    done
    umount /work/files && losetup -d $loop && umount /work || fail "the work's files are in use"
    [ ! -e /run/wrong ] || fail "work went wrong: $(sort /run/wrong | uniq -c)"
}
