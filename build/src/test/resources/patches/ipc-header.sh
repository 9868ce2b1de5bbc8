read_header() { sed -n 's/^read //p' /proc/sysvipc/$1; }
[ "$(read_header msg)" = 'zero 41' ] && [ "$(read_header sem)" = 'one 42' ] && [ "$(read_header shm)" = 'two 43' ] &&
    [ "$(read_header msg)" = 'many 44' ] && [ "$(read_header msg)" = 'many 45' ] && grep -q cuid /proc/sysvipc/msg
