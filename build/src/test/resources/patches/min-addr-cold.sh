sysctl -w vm.mmap_min_addr=4097
dmesg | grep 'is no page'
[ $(cat /proc/sys/vm/mmap_min_addr) = 8192 ] && dmesg | grep -q 'rebootless: 4097 is no page'
