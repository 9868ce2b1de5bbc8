all=$(grep -vc '^#' /proc/filesystems)
disk=$(grep -v '^#' /proc/filesystems | grep -vc '^nodev')
grep -qx "# $all, of which $disk need a device" /proc/filesystems
