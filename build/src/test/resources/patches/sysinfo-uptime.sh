uptime | grep -q 'up 1000 days'
