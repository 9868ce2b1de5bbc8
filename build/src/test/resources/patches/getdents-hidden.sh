mkdir -p /tmp/names && cd /tmp/names && touch a b.hidden c
[ "$(ls | tr '\n' ' ')" = 'a c ' ] && [ -e b.hidden ] && [ $(ls /proc | grep -c '^[0-9]') -gt 5 ]
