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
# Behind the counter: "R" where registers are saved, and "I" where the address of the function is
# changed, which livepatching does (t_show of kernel/trace/ftrace.c).
routed=$(grep -c ') [R ] I' /run/tracing/enabled_functions)
echo "functions that ftrace routes to it: $routed, such as $(grep -m 3 ') [R ] I' /run/tracing/enabled_functions | sed 's/ .*//' | tr '\n' ' ')"
[ "$routed" -gt 0 ]
