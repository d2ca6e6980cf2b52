# needs zstd:zstd
seq 90000 >a
zstd -q -T2 -9 a -o b
zstd -dc b | sha256sum
zstd -q -d nofile
