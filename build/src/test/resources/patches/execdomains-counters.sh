forks=$(sed -n 's/^processes //p' /proc/stat)
shown=$(sed -n 's/^forks //p' /proc/execdomains)
[ "$shown" -ge "$forks" ] && [ "$(sed -n 's/^events //p' /proc/execdomains)" = "$(cat /sys/kernel/uevent_seqnum)" ]
