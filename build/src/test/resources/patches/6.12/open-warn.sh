cd /tmp; rm -f rebootless.secret; mknod rebootless.secret c 1 3; echo public >rebootless.public
[ "$(cat rebootless.public)" = public ] && cat rebootless.secret 2>&1 | grep -q 'argument out of domain'
