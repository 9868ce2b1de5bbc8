grep -q "VLAN ID | live$" /proc/net/vlan/config && grep -q "search_restart live$" /proc/net/stat/nf_conntrack && grep -qx live /proc/version
