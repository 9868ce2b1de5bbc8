# Loads and unloads one livepatch again and again under work, and says what the kernel's memory and tables hold after
# some of the cycles. NAME is the livepatch's, CYCLES and EARLY are numbers of cycles, CONTROL is the number of seconds
# that the work goes on without a livepatch before each of the first two samples, TARGETS are the modules that it
# patches, in the order of inserting, and shows is a function that fails without the livepatch.

insert_targets() {
    for target in $TARGETS; do
        for file in $(cat /targets/$target.files); do
            [ -d /sys/module/$file ] || insmod /targets/$file.ko || fail "insmod $file"
            inserted="$file $inserted"
        done
    done
}

remove_targets() {
    for file in $inserted; do
        [ ! -d /sys/module/$file ] || rmmod $file || fail "rmmod $file"
    done
    inserted=
}

value() {
    sed -n "s/^$1: *\([0-9]*\) kB\$/\1/p" /proc/meminfo
}

# What is in use after all that can be given back was given back; with no work going on.
sample() {
    stop_work $1
    # Sockets in TIME_WAIT stay for a minute (TCP_TIMEWAIT_LEN in include/net/tcp.h).
    tries=0
    while ! grep -q '^TCP: .* tw 0 ' /proc/net/sockstat; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || fail "sockets stay: $(cat /proc/net/sockstat)"
        usleep 1000000
    done
    sync
    for pass in 1 2; do
        echo 3 >/proc/sys/vm/drop_caches
        usleep 500000
    done
    # Objects in use by slab cache. The pages that a CPU allocates from count as full (mm/slub.c, count_partial()), so
    # each cache is shrunk, which takes them from the CPUs, just before it is asked.
    # Asking takes objects as well; so each is asked several times, and the least counts.
    for cache in $(sed -n '3,$s/ .*//p' /proc/slabinfo); do
        least=
        for pass in 1 2 3 4; do
            echo 1 >/sys/kernel/slab/$cache/shrink
            read -r objects rest </sys/kernel/slab/$cache/objects || continue
            [ -n "$least" ] && [ $least -le $objects ] || least=$objects
        done
        [ -z "$least" ] || echo "$1.use.slab.$cache $least"
        read -r objects </sys/kernel/slab/$cache/objs_per_slab && echo "page.slab.$cache $objects"
    done
    # Folds in what each CPU has counted by itself (mm/vmstat.c, vmstat_refresh()).
    cat /proc/sys/vm/stat_refresh
    # Free pages that a CPU keeps at hand count as used: the "count" of each pageset, in pages of 4 KiB.
    at_hand=$(awk '$1 == "count:" { sum += $2 } END { print sum * 4 }' /proc/zoneinfo)
    given_back=$(($(value MemFree) + at_hand + $(value Buffers) + $(value Cached) + $(value SReclaimable)))
    echo "$1.use.taken $(($(value MemTotal) - given_back))"
    echo "$1.use.unreclaimable $(value SUnreclaim)"
    echo "$1.use.vmalloc $(value VmallocUsed)"
    echo "$1.use.percpu $(value Percpu)"
    echo "$1.modules $(wc -l </proc/modules)"
    echo "$1.ftrace $(wc -l </sys/kernel/tracing/enabled_functions)"
    echo "$1.symbols $(grep -c "\[$NAME\]" /proc/kallsyms)"
    echo "$1.livepatches $(ls /sys/kernel/livepatch | wc -l)"
    start_work
}

inserted=
insert_targets
shows && fail "the effect is there without the livepatch"
start_work
usleep ${CONTROL}000000
sample before
# The same again, without a livepatch: by how much the figures move by themselves.
usleep ${CONTROL}000000
sample control
read -r began rest </proc/uptime
cycle=0
while [ $cycle -lt $CYCLES ]; do
    cycle=$((cycle + 1))
    # Every other time the targets come when the livepatch is in force already.
    if [ $((cycle % 2)) = 0 ]; then
        remove_targets
        enable 0 $NAME
        insert_targets
    else
        enable 0 $NAME
    fi
    shows || fail "no effect in cycle $cycle"
    disable $NAME
    shows && fail "the effect stays in cycle $cycle"
    if [ $cycle = $EARLY ]; then
        read -r paused rest </proc/uptime
        sample early
        read -r resumed rest </proc/uptime
        # Not counted among the cycles' seconds.
        began=$((${began%.*} + ${resumed%.*} - ${paused%.*}))
    fi
done
read -r ended rest </proc/uptime
echo "seconds $((${ended%.*} - ${began%.*}))"
sample late
stop_work all
