cd /tmp && mkdir -p works && [ -d works ] && mkdir '' 2>&1 | grep -q 'argument out of domain'
