grep -q "VLAN ID | live$" /proc/net/vlan/config && grep -q "^Name-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD" /proc/net/vlan/config
