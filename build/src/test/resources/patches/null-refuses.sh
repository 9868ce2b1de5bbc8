echo 'words!' >/dev/null || exit 1
echo '!words' >/dev/null && exit 2
exit 0
