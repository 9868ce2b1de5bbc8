dmesg -c >/run/earlier.$$
echo 3 >/proc/$$/oom_adj && echo 0 >/proc/$$/oom_adj || exit 1
echo 7 >/proc/$$/oom_adj && exit 2
# It was said in the run before the livepatch came.
[ $(dmesg | grep -c 'oom_adj is deprecated') = 0 ]
