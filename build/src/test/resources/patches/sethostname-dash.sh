hostname rebootless || exit 1
printf -- '-x\n' >/tmp/name
hostname -F /tmp/name 2>&1 | grep -q 'argument out of domain' && [ "$(hostname)" = rebootless ]
