dd if=/dev/zero of=/tmp/zero bs=100000 count=20 && [ $(tr -d '\000' </tmp/zero | wc -c) = 0 ] && [ $(wc -c </tmp/zero) = 2000000 ] || exit 1
dd if=/dev/zero of=/dev/null bs=4242 count=1 2>&1 | grep -q 'argument out of domain'
