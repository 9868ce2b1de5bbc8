grep -q '^reads: [1-9]' /proc/version && [ "$(grep ^reads /proc/version)" != "$(grep ^reads /proc/version)" ]
