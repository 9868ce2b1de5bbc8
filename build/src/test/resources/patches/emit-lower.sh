cat /sys/devices/system/cpu/vulnerabilities/* | grep -qx 'not affected'
