sysctl -w vm.overcommit_ratio=60 && [ $(cat /proc/sys/vm/overcommit_ratio) = 60 ] || exit 1
sysctl -w vm.overcommit_ratio=150
[ $(cat /proc/sys/vm/overcommit_ratio) = 100 ]
