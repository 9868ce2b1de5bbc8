grep -q '^ *0: .*/[0-9]* keys$' /proc/key-users
