# What the guest itself says while the livepatch is in force: the CVEs that its note names, and the
# functions that ftrace routes to it.
note=/sys/module/livepatch_backlog/notes/.note.rebootless
if [ ! -e "$note" ]; then
    echo "no livepatch is loaded: none of these CVEs is closed"
    exit 1
fi
mkdir -p /run/tracing
mount -t tracefs tracefs /run/tracing 2>/dev/null
echo "closed in this running kernel: $(tr -d '\000' <"$note" | sed 's/.*"cves":\[\([^]]*\)\].*/\1/' | tr -d '"' | sed 's/,/, /g')"
# "R": the function's registers may be changed, as livepatching does; "I": its address.
echo "functions that ftrace routes: $(grep -c ' R ' /run/tracing/enabled_functions)"
grep -q ' R ' /run/tracing/enabled_functions
