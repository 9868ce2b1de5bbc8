echo 3 >/proc/$$/oom_adj && echo 0 >/proc/$$/oom_adj || exit 1
echo 9 >/proc/$$/oom_adj && exit 2
exit 0
