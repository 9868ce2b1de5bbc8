grep -q ' : SYSTEM RAM$' /proc/iomem
