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

# Files on a tmpfs: written, copied, compared, removed.
files() {
    rounds=0
    while [ ! -e /run/stop ]; do
        dd if=/dev/urandom of=/work/one bs=64k count=4 2>/dev/null
        cp /work/one /work/two
        cmp -s /work/one /work/two || echo files >>/run/wrong
        rm /work/one /work/two
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

start_work() {
    rm -f /run/stop /run/wrong
    mkdir -p /work
    mount -t tmpfs -o size=16m work /work
    mkdir /work/www
    dd if=/dev/urandom of=/work/www/page bs=64k count=2 2>/dev/null
    httpd -f -p 127.0.0.1:8080 -h /work/www &
    server=$!
    tries=0
    until wget -q -O /dev/null http://127.0.0.1:8080/page 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || fail "no server"
        usleep 50000
    done
    workers=
    for kind in forks files network; do
        $kind &
        workers="$workers $!"
    done
}

# Ends all work and says how much was done until now; nothing of it may have gone wrong.
stop_work() {
    touch /run/stop
    wait $workers
    kill $server
    wait $server 2>/dev/null
    umount /work || fail "the work's files are in use"
    for kind in forks files network; do
        read -r rounds </run/rounds.$kind
        eval "all=\$((\${all_$kind:-0} + rounds)) all_$kind=\$all"
        echo "rounds.$kind $all"
    done
    [ ! -e /run/wrong ] || fail "work went wrong: $(sort /run/wrong | uniq -c)"
}
