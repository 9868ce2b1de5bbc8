exec 6</dev/null 7</dev/null
# Through the reference to the right seq_show of the two.
grep -q '^pos:' /proc/$$/fdinfo/6 && cat /proc/$$/fdinfo/7 2>&1 | grep -q 'argument out of domain'
