#!/bin/sh
# Runs in the booted kernel: fails before the livepatch is loaded, succeeds while it is, and fails
# again once it is gone.
grep '^Mem' /proc/meminfo
total=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)
used=$(awk '/^MemUsed:/ { print $2 }' /proc/meminfo)
[ -n "$used" ] && [ "$used" -gt 0 ] && [ "$used" -lt "$total" ]
