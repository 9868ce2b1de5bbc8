# A livepatch takes over from an earlier one, or is stacked on it, while many read what both change. V1 and V2 are the
# names of the two, REPLACE is 1 when the second replaces, LEAST a number of reads.

# Reads /proc/version in a tight loop until /run/stop.$1 is there, but at least $least times, and leaves how often it saw
# what.
reader() {
    awk -v stop=/run/stop.$1 -v least=$least 'BEGIN {
        for (;;) {
            lines = 0; last = ""
            while ((getline line < "/proc/version") > 0) { lines++; last = line }
            close("/proc/version")
            reads++
            if (lines == 1 && last ~ /^Linux version /) old++
            else if (lines == 2 && last == "live patched by Rebootless") one++
            else if (lines == 2 && last == "live patched twice by Rebootless") two++
            else odd++
            if (reads >= least && reads % 32 == 0) {
                if ((getline ignored < stop) >= 0) break
            }
        }
        print reads + 0, old + 0, one + 0, two + 0, odd + 0
    }' >/run/reads.$1.$2
}

# The same with a new process for each read: a task inherits the side of the transition that its parent is on.
forking_reader() {
    reads=0 old=0 one=0 two=0 odd=0
    while [ ! -e /run/stop.$1 ]; do
        case "$(tail -n 1 /proc/version)" in
        'Linux version '*) old=$((old + 1)) ;;
        'live patched by Rebootless') one=$((one + 1)) ;;
        'live patched twice by Rebootless') two=$((two + 1)) ;;
        *) odd=$((odd + 1)) ;;
        esac
        reads=$((reads + 1))
    done
    echo $reads $old $one $two $odd >/run/reads.$1.$2
}

start_readers() {
    readers=
    least=$2
    reader $1 1 & readers="$readers $!"; behind $!
    reader $1 2 & readers="$readers $!"; behind $!
    forking_reader $1 3 & readers="$readers $!"
    usleep 1500000
}

stop_readers() {
    usleep 1500000
    touch /run/stop.$1
    wait $readers
    for reader in 1 2 3; do
        echo "$1.$reader $(cat /run/reads.$1.$reader)"
    done
}

start_work
enable 0 $V1
start_readers takeover $LEAST
enable 1 $V2
stop_readers takeover
if [ $REPLACE = 1 ]; then
    leave $V1
fi
echo "livepatches $(ls /sys/kernel/livepatch | wc -l)"
start_readers return 256
disable $V2
stop_readers return
if [ $REPLACE = 0 ]; then
    disable $V1
fi
echo "left $(ls /sys/kernel/livepatch | wc -l)"
echo "last $(tail -n 1 /proc/version | cut -c 1-14)"
stop_work all
