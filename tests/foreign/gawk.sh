# needs gawk:gawk
seq 5000 | gawk '{ a[$1 % 50] = a[$1 % 50] $1 } END { n = asorti(a, k); for (i = 1; i <= n; i++) t = t length(a[k[i]]); print t }'
