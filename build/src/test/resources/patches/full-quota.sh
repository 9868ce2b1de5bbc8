(echo word >/dev/full) 2>/run/full.$$
dd if=/dev/zero of=/dev/full bs=1 count=1 2>&1 | grep -qi quota
