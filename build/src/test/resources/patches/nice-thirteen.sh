sleep 20 &
sleeper=$!
renice -n 13 -p $sleeper
nice=$(awk '{ print $19 }' /proc/$sleeper/stat)
kill $sleeper
[ "$nice" = 12 ]
