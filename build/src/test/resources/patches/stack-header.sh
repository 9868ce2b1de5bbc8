# The page that exec counts itself stays; what setup_arg_pages() makes of it is no longer counted.
stack=$(sed -n 's/^VmStk:[[:space:]]*\([0-9]*\) kB$/\1/p' /proc/self/status)
echo "VmStk $stack kB"
[ "$stack" -lt 16 ]
