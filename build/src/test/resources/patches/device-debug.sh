control=/sys/kernel/debug/dynamic_debug/control
dmesg -c >/tmp/dropped
# A new network namespace brings a device, lo.
unshare -n true
dmesg | grep "'lo'" && exit 1
echo 'func device_add +p' >$control
unshare -n true
echo 'func device_add -p' >$control
unshare -n true
grep 'device_add ' $control
dmesg | grep "'lo'"
# The old site is the kernel's own, in the new code as in the old one.
[ $(dmesg | grep -c "device: 'lo': device_add$") = 1 ] || exit 2
[ $(dmesg | grep -c "rebootless sees 'lo'$") = 1 ]
