# needs find:findutils
find /usr/include -name 'std*' -type f | sort -S 64K --parallel=2 -r | xargs -P 2 -n 20 cat | wc -c
