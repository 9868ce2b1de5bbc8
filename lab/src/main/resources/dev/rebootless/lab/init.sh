#!/bin/busybox sh
# The first and only program of the lab's guest. It follows /rebootless.conf (written by GuestImage.java), reports
# each step as one line on the second serial port (read by GuestProtocol.java), and powers the guest off. The first
# port is the kernel's console alone, so nothing that a check prints can be taken for the kernel's word, nor
# the kernel's for ours.
#
# A line is NONCE SEQUENCE KIND FIELD...; free text is base64, and an empty field is "-".

export PATH=/bin HOME=/ LC_ALL=C
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /tmp /run
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
. /rebootless.conf

exec 3>/dev/ttyS1
stty raw -echo <&3
# The shell's own complaints must not reach the console, where they would stand among the kernel's lines.
exec </dev/null >/dev/null 2>&1

sequence=0
say() {
    echo "$NONCE $sequence $*" >&3
    sequence=$((sequence + 1))
}

# Standard input as one field of a line.
field() {
    encoded=$(base64 -w 0)
    echo "${encoded:--}"
}

# Hundredths of a second since the boot, in $clock, without a fork. The 1 before the fraction keeps the shell
# from reading 08 as an octal number.
now() {
    read -r uptime idle </proc/uptime
    clock=$((${uptime%.*} * 100 + 1${uptime#*.} - 100))
}

# Runs the check and reports its end and what it printed. The reader goes on in the background when the check left a
# process behind that holds the pipe; it keeps a bounded file and drops the rest, so that nothing blocks.
check() {
    rm -f /run/pipe /run/output
    mkfifo /run/pipe
    (
        trap '' XFSZ
        { (ulimit -f $OUTPUT_BLOCKS; cat >/run/output 2>/dev/null); cat >/dev/null; } </run/pipe 3>&-
    ) &
    reader=$!
    now; began=$clock
    timeout $CHECK_SECONDS sh /check >/run/pipe 2>&1 3>&-
    status=$?
    now; took=$((clock - began))
    for wait in 1 2 3 4 5 6 7 8 9 10; do
        kill -0 $reader 2>/dev/null || break
        usleep 20000
    done
    say check $1 $status $took "$(head -c $((OUTPUT_BYTES + 1)) /run/output | field)"
}

# Loads /modules/$1.ko and reports how that went, with what the kernel said since.
load() {
    dmesg -c >/dev/null
    now; began=$clock
    insmod /modules/$1.ko >/run/error 2>&1 3>&-
    status=$?
    now; took=$((clock - began))
    if [ $status = 0 ]; then
        say load $1 0 $took - -
    else
        say load $1 $status $took "$(head -c 4096 /run/error | field)" "$(dmesg | tail -n 20 | head -c 8192 | field)"
    fi
    return $status
}

# Waits for the end of the running transition: until the state is 0 ("enable", "earlier") or the livepatch is gone, as
# it is once it is disabled ("disable", "reverse"). $2 is the patch_state of a task that still lags (klp_target_state's opposite).
# When all tasks have arrived, the kernel takes the functions of what goes out of ftrace one by one before it says so:
# the livepatch's own, or those of what it replaces (klp_complete_transition() in kernel/livepatch/transition.c). That
# takes longer the more there are, and is no lag.
follow() {
    now; began=$clock
    follow_on "$@"
}

# The same, from $began on.
follow_on() {
    limit=$TRANSITION_CENTISECONDS
    while :; do
        now
        if [ -d "$patch" ]; then
            read -r state <"$patch/transition"
            case $1 in
            enable | earlier) [ "$state" = 0 ] && break ;;
            esac
        else
            break
        fi
        if [ $((clock - began)) -ge $limit ]; then
            if [ $limit = $TRANSITION_CENTISECONDS ] && ! lags $2; then
                limit=$((limit + UNPATCHING_CENTISECONDS))
                continue
            fi
            say transition $1 timeout $((clock - began))
            lagging $2
            return 1
        fi
        usleep 50000
    done
    say transition $1 done $((clock - began))
}

# Whether the patch_state of any task is $1.
lags() {
    for task in /proc/[0-9]*/task/[0-9]*; do
        state=
        read -r state 2>/dev/null <$task/patch_state
        [ "$state" != "$1" ] || return 0
    done
    return 1
}

# Names the tasks whose patch_state is $1, with what they sleep in.
lagging() {
    count=0
    for task in /proc/[0-9]*/task/[0-9]*; do
        state=
        read -r state 2>/dev/null <$task/patch_state
        [ "$state" = "$1" ] || continue
        say task ${task##*/} "$(head -c 64 $task/comm | field)" "$(head -c 4096 $task/stack | field)"
        count=$((count + 1))
        [ $count -lt $MAX_TASKS ] || break
    done
}

# The functions that the livepatch lists: OBJECT/FUNCTION,SYMPOS. A function waits as long as its module is not loaded.
# Kernels since 6.1 say themselves whether an object is patched (klp_object's attribute "patched").
functions() {
    for function in "$patch"/*/*/; do
        [ -d "$function" ] || continue
        function=${function%/}
        object=${function%/*}
        patched=1
        if [ -f "$object/patched" ]; then
            read -r patched <"$object/patched"
        elif [ "${object##*/}" != vmlinux ] && [ ! -d "/sys/module/${object##*/}" ]; then
            patched=0
        fi
        say function $patched "${object##*/}" "${function##*/}"
    done
}

# Removes the module of a livepatch that is not in force any more; the outcome is in $status, the time in $took. The
# module's last reference is dropped by a work item after the transition (kernel/livepatch/core.c,
# klp_free_patch_work_fn), so the first try may come too early.
take_out() {
    now; began=$clock
    tries=0
    status=0
    while ! rmmod "$1" >/run/error 2>&1 3>&-; do
        tries=$((tries + 1))
        if [ $tries -ge 40 ]; then
            status=1
            break
        fi
        usleep 50000
    done
    now; took=$((clock - began))
}

unload() {
    take_out "$name"
    if [ $status = 0 ]; then
        say unload 0 $took -
    else
        say unload 1 $took "$(head -c 4096 /run/error | field)"
    fi
    return $status
}

# Where no task is in the way, the write does all of it, and returns when it is done.
disable() {
    now; began=$clock
    echo 0 2>/run/error >"$patch/enabled"
    follow_on $1 $2
}

# Loads /modules/$1.ko, and finds out under which name the kernel lists the livepatch that it brings; $name is empty
# when there is none.
load_livepatch() {
    ls /sys/kernel/livepatch >/run/livepatches 2>/dev/null
    load $1 || return
    name=
    for entry in /sys/kernel/livepatch/*/; do
        entry=${entry%/}
        grep -qxF "${entry##*/}" /run/livepatches || name=${entry##*/}
    done
    [ -d "/sys/kernel/livepatch/$name" ] || name=
    patch=/sys/kernel/livepatch/$name
}

# Loads the livepatch to prove.
enable() {
    load_livepatch $EARLIER || return
    say livepatch "${name:--}"
    [ -n "$name" ]
}

# Loads what is to be loaded before it, each once the one before is in force. $earlier_INDEX is the livepatch's name.
load_earlier() {
    index=0
    while [ $index -lt $EARLIER ]; do
        load_livepatch $index || return
        eval "earlier_$index=\$name"
        [ -z "$name" ] || follow earlier 0 || return
        index=$((index + 1))
    done
}

# What the kernel says of the livepatch $1, in $fate. One that was replaced is disabled when the transition ends
# (kernel/livepatch/transition.c, klp_complete_transition()), and goes a little later, by a work item.
find_fate() {
    fate=none
    [ -n "$1" ] || return
    for wait in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        fate=gone
        [ -d "/sys/kernel/livepatch/$1" ] || return
        enabled=
        read -r enabled <"/sys/kernel/livepatch/$1/enabled"
        fate=stays
        [ "$enabled" != 1 ] || return
        fate=disabled
        usleep 100000
    done
}

# Says what became of each livepatch that was loaded earlier, and removes the modules of those that are gone. $1 is
# "before", "during" or "after".
earlier() {
    index=0
    while [ $index -lt $EARLIER ]; do
        eval "other=\$earlier_$index"
        find_fate "$other"
        say earlier $1 $index "${other:--}" $fate
        if [ $fate = gone ] && [ -d "/sys/module/$other" ]; then
            take_out "$other"
            if [ $status = 0 ]; then
                say release "$other" 0 $took -
            else
                say release "$other" 1 $took "$(head -c 4096 /run/error | field)"
            fi
        fi
        index=$((index + 1))
    done
}

taints() {
    read -r letters <"/sys/module/$name/taint"
    read_tainted
    say taint "${letters:--}" $tainted
}

# What follows belongs to this stage of the targets' lives: they are present, absent, come late, or come again.
stage() {
    read_tainted
    say stage $1 $tainted
}

# Inserts a target after all that it needs (/targets/NAME.files, in order), leaving out what is there already.
insert() {
    dmesg -c >/dev/null
    now; began=$clock
    for file in $(cat /targets/$1.files); do
        [ ! -d /sys/module/$file ] || continue
        if ! insmod /targets/$file.ko >/run/error 2>&1 3>&-; then
            now
            say insert $1 $file 1 $((clock - began)) "$(head -c 4096 /run/error | field)" "$(dmesg | tail -n 20 | head -c 8192 | field)"
            return 1
        fi
        inserted="$file $inserted"
    done
    now
    say insert $1 $1 0 $((clock - began)) - -
}

# Removes all that was inserted, the last first. What is in use, or can never go, stays.
remove() {
    stays=
    for file in $inserted; do
        now; began=$clock
        tries=0
        while ! rmmod $file >/run/error 2>&1 3>&- && [ $tries -lt 10 ]; do
            tries=$((tries + 1))
            usleep 50000
        done
        now
        if [ -d /sys/module/$file ]; then
            stays="$stays $file"
            say remove $file 1 $((clock - began)) "$(head -c 4096 /run/error | field)"
        else
            say remove $file 0 $((clock - began)) -
        fi
    done
    inserted=$stays
}

# Those of the targets that could be inserted at first and are not there now, in $gone.
find_gone() {
    gone=
    for target in $loadable; do
        [ -d /sys/module/$target ] || gone="$gone $target"
    done
}

# Lets the targets in $gone come while the livepatch is in force; $1 is "late" or "again".
come() {
    stage $1
    for target in $gone; do
        insert $target
    done
    functions
    [ $CHECK = 0 ] || check $1
}

# The livepatch's second life, with its targets inserted only once it is in force.
prove_late() {
    find_gone
    [ $LATE = 1 ] && [ -n "$gone" ] || return
    stage absent
    enable || return
    if ! follow enable 0; then
        disable reverse 1 && unload
        return
    fi
    functions
    taints
    come late
    remove
    find_gone
    if [ $RELOAD = 1 ] && [ -n "$gone" ]; then
        come again
    fi
    disable disable 1 && unload && remove
}

prove() {
    inserted=
    loadable=
    for target in $TARGETS; do
        insert $target && loadable="$loadable $target"
    done
    [ -z "$TARGETS" ] || stage present
    [ $CHECK = 0 ] || check before
    load_earlier || return
    [ $MODULE = 1 ] || return
    if [ $EARLIER -gt 0 ]; then
        earlier before
        [ $CHECK = 0 ] || check earlier
    fi
    enable || return
    if ! follow enable 0; then
        disable reverse 1 && unload || return
        [ $CHECK = 0 ] || check after
        return
    fi
    functions
    taints
    earlier during
    [ $CHECK = 0 ] || check during
    disable disable 1 && unload || return
    earlier after
    [ $CHECK = 0 ] || check after
    remove
    prove_late
}

# Not with the shell's own read: it asks for one byte at a time, and a sysctl gives no more than its first
# (fs/proc/proc_sysctl.c).
read_tainted() {
    tainted=$(cat /proc/sys/kernel/tainted)
}

# Until here only warnings and worse were printed, so that the boot is not slowed by its own report.
dmesg -n 7
ifconfig lo 127.0.0.1 up
read_tainted
say ready $tainted "$(uname -r | field)" "$(head -c 1024 /proc/version | field)"
case $MODE in
prove) prove ;;
run) check run ;;
esac
read_tainted
say end $tainted
# What was said last is in the driver's buffer still, and would go with the machine: busybox sets modes when all is
# sent (TCSADRAIN).
stty raw -echo <&3
poweroff -f
