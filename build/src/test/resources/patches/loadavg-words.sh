grep -q '/[0-9]* [0-9]* no reboot$' /proc/loadavg
