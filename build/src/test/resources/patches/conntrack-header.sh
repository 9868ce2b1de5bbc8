grep -q "search_restart live$" /proc/net/stat/nf_conntrack
