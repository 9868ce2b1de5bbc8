mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || exit 3
if echo ':live:E::live::/bin/sh:' >/proc/sys/fs/binfmt_misc/register; then
    echo -1 >/proc/sys/fs/binfmt_misc/live
    registered=1
fi
umount /proc/sys/fs/binfmt_misc
[ -z "$registered" ] || exit 1
# An address of its own each time, since what was there before stays.
read -r uptime idle </proc/uptime
address=127.0.0.$((${uptime%.*} % 250 + 1))
echo "nfsd $address 2147483647 live" >/proc/net/rpc/auth.unix.ip/channel || exit 3
grep -q "^nfsd $address -no-domain-\|^# nfsd $address -no-domain-" /proc/net/rpc/auth.unix.ip/content
