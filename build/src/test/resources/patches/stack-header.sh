grep -q "^VmStk:[[:space:]]*0 kB" /proc/self/status
