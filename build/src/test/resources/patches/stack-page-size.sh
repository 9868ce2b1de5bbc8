sed -n '/\[stack\]/,$p' /proc/$$/smaps | grep MMUPageSize | head -n 1 | grep -q ' 8 kB$'
