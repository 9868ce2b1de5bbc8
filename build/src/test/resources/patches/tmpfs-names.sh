mkdir -p /run/tmpfs
mount -t tmpfs tmpfs /run/tmpfs || exit 1
names=$(stat -f -c %l /run/tmpfs)
umount /run/tmpfs
[ "$names" = 99 ]
