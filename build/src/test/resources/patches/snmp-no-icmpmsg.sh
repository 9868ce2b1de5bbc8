ping -c 1 -W 2 127.0.0.1 && grep -q '^Icmp: ' /proc/net/snmp && grep -q '^Udp: ' /proc/net/snmp &&
    ! grep -q '^IcmpMsg:' /proc/net/snmp
