exec 6</dev/null 7</dev/null
# The new seq_show, by the pointer in the new seq_fdinfo_open.
grep -q '^mode:' /proc/$$/fdinfo/6 && cat /proc/$$/fdinfo/7 2>&1 | grep -q 'argument out of domain'
