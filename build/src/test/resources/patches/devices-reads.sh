first=$(sed -n 's/^Character devices (\([0-9]*\)):$/\1/p' /proc/devices)
second=$(sed -n 's/^Character devices (\([0-9]*\)):$/\1/p' /proc/devices)
[ "$second" -gt "$first" ]
