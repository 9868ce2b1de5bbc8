grep -q 'Linux.*kernel' /proc/execdomains && grep -q 'Rebootless.*livepatch' /proc/execdomains
