before=$(sed -n 's/^ctxt //p' /proc/stat)
shown=$(cut -d ' ' -f 6 -s /proc/loadavg)
after=$(sed -n 's/^ctxt //p' /proc/stat)
[ -n "$shown" ] && [ "$before" -le "$shown" ] && [ "$shown" -le "$after" ]
