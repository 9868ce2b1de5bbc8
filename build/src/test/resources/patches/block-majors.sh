sed '1,/^Block devices/d' /proc/devices | grep -q '^ *[0-9]* .* (block)$'
