grep -q "VLAN ID | live$" /proc/net/vlan/config
