sh -c 'printf fork >/proc/$$/comm; /bin/busybox true; echo survived' | grep -q survived || exit 3
sh -c 'printf nofork >/proc/$$/comm; /bin/busybox true; echo survived' 2>&1 | grep 'out of domain'
