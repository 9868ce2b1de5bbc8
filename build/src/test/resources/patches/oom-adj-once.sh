dmesg -c >/run/earlier.$$
echo 3 >/proc/$$/oom_adj && echo 4 >/proc/$$/oom_adj && echo 0 >/proc/$$/oom_adj || exit 1
dmesg | grep -E 'oom_adj is (deprecated|obsolete)'
[ $(dmesg | grep -c 'rebootless: oom_adj is obsolete') = 1 ] && [ $(dmesg | grep -c 'oom_adj is deprecated') -le 1 ]
