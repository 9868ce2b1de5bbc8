# Shared by ./rebootless and the scripts here; sourced, never run.
# shellcheck shell=bash

# Messages for people, on standard error.
say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "$*"
    exit 5
}

# Whether a folder holds a JDK 25, by the file that every JDK brings; starts no Java.
is_jdk25() {
    [[ -x $1/bin/java && -x $1/bin/javac && -r $1/release ]] &&
        grep -q '^JAVA_VERSION="25[."]' "$1/release"
}

# Prints the folder of a JDK 25: JAVA_HOME, /usr/lib/jvm, PATH; fails if there is none.
find_jdk() {
    local candidate
    for candidate in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
        if [[ -n $candidate ]] && is_jdk25 "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    if candidate=$(command -v java); then
        candidate=$(readlink -f "$candidate")
        candidate=${candidate%/bin/java}
        if is_jdk25 "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    fi
    return 1
}

no_jdk() {
    die "RBL-JDK: no JDK 25 in JAVA_HOME, /usr/lib/jvm or PATH
  what to do: apt-get install openjdk-25-jdk-headless where the archive has it (Debian 13, Ubuntu 24.04),
  else Eclipse Temurin's package temurin-25-jdk (https://adoptium.net/installation/linux), or unpack any
  JDK 25 and let JAVA_HOME name its folder"
}

# Prints the releases of a line's cloud kernels that apt serves, oldest first: cloud_kernels LINE
cloud_kernels() {
    apt-cache pkgnames "linux-image-$1." |
        sed -n 's/^linux-image-\(.*-cloud-amd64\)-unsigned$/\1/p' | sort -V
}

# Prints the release of the newest 6.1 cloud kernel that apt serves.
newest_cloud_kernel() {
    local newest
    newest=$(cloud_kernels 6.1 | tail -n 1)
    [[ -n $newest ]] || die "RBL-KERNEL-UNKNOWN: apt serves no 6.1 cloud kernel
  what to do: add Debian 12's archive to apt's sources, and run apt-get update"
    printf '%s\n' "$newest"
}

# Prints the oldest and the newest release of a line's cloud kernels that apt serves:
# oldest_and_newest_cloud_kernel LINE
oldest_and_newest_cloud_kernel() {
    local all
    all=$(cloud_kernels "$1")
    [[ $(wc -l <<<"$all") -ge 2 ]] || die "RBL-KERNEL-UNKNOWN: apt serves no two cloud kernels of the $1 line
  what to do: name another line, or run apt-get update"
    printf '%s %s\n' "$(head -n 1 <<<"$all")" "$(tail -n 1 <<<"$all")"
}

# Runs Maven on a JDK 25: run_mvn JDK ARGUMENT...
run_mvn() {
    local jdk=$1
    shift
    # Maven's own libraries use what newer Java machines warn of.
    JAVA_HOME=$jdk MAVEN_OPTS="${MAVEN_OPTS:-} --sun-misc-unsafe-memory-access=allow" \
        mvn -B -ntp -Dstyle.color=never "$@" 2>&1 |
        # Maven 3.8 resets the colours that it was told not to use.
        sed -u 's/\x1b\[[0-9;]*m//g'
}

# Runs a command with a sign of life every 20 seconds: heartbeat WHAT COMMAND...
# The command gets no standard input. The status is the command's.
heartbeat() {
    local what=$1 start=$SECONDS pid status=0
    shift
    (
        # Without its own copy of standard output, a pipe would stay open as long as the sleep.
        exec >/dev/null </dev/null
        while sleep 20; do
            say "[$((SECONDS - start)) s] still at it: $what"
        done
    ) &
    pid=$!
    # Whatever ends this shell ends the signs of life.
    # shellcheck disable=SC2064
    trap "kill $pid 2>/dev/null || true" EXIT
    "$@" </dev/null || status=$?
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    trap - EXIT
    return "$status"
}

# Prints the seed of this checkout's random tests: made of the committed content but prose, so that a
# commit is tested with the same seed wherever that is, and the next commit with another. Prints
# nothing where there is no commit to ask or the content was changed: each test then takes its own.
seed_of_content() {
    local hash
    git diff --quiet HEAD -- 2>/dev/null || return 0
    hash=$(git ls-tree -r HEAD 2>/dev/null | grep -v '\.md$' | sha256sum)
    printf '%d\n' "0x${hash:0:12}"
}
