trace=/sys/kernel/tracing
echo 1 >$trace/events/task/task_rename/enable || exit 1
echo >$trace/trace
printf rebootless >/proc/$$/comm
name=$(cat /proc/$$/comm)
echo 0 >$trace/events/task/task_rename/enable
cat $trace/trace
# The tracepoint in the function works in the old code and in the new one.
grep -q 'task_rename: .*newcomm=rebootless' $trace/trace && [ "$name" = rebooted ]
