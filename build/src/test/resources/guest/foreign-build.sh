# The livepatch NAME (/modules/0.ko) for the module TARGET, of which there is the shipped build (/targets) and another
# (/modules/1.ko). shows is a function that fails without the livepatch's effect.

insert_needed() {
    for file in $(cat /targets/$TARGET.files); do
        [ $file = $TARGET ] || [ -d /sys/module/$file ] || insmod /targets/$file.ko || fail "insmod $file"
    done
}

is_there() {
    [ -d /sys/module/$1 ] && echo yes || echo no
}

said() {
    dmesg | grep -c "$1"
}

insert_needed

# The other build is loaded first: the kernel refuses the livepatch, and all stays as it was.
insmod /modules/1.ko || fail "the other build does not load without a livepatch"
insmod /modules/0.ko 2>/run/error
echo "first.status $?"
echo "first.error $(cat /run/error)"
echo "first.livepatch $(is_there $NAME)"
echo "first.target $(is_there $TARGET)"
echo "first.said $(said "livepatch: pre-patch callback failed for object '$TARGET'")"
shows && fail "the effect is there with the other build"
rmmod $TARGET || fail "rmmod $TARGET"

# The livepatch is loaded first: the kernel refuses the other build.
enable 0 $NAME
insmod /modules/1.ko 2>/run/error
echo "later.status $?"
echo "later.target $(is_there $TARGET)"
echo "later.said $(said "refusing to load module '$TARGET'")"
insmod /targets/$TARGET.ko 2>/dev/null
echo "later.shipped $(is_there $TARGET)"
[ ! -d /sys/module/$TARGET ] || rmmod $TARGET
disable $NAME

# The shipped build is patched in either order, after all that.
insmod /targets/$TARGET.ko || fail "insmod $TARGET"
enable 0 $NAME
shows || fail "no effect in the shipped build"
disable $NAME
shows && fail "the effect stays"
rmmod $TARGET
enable 0 $NAME
insmod /targets/$TARGET.ko || fail "insmod $TARGET after the livepatch"
shows || fail "no effect in the shipped build that comes later"
disable $NAME
echo "shipped yes"
