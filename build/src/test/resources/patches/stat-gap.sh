grep -q '^intr [0-9]*[ 0]*, [0-9]' /proc/stat
