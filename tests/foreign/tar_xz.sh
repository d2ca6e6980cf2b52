# needs tar:tar xz:xz-utils
mkdir d
seq 20000 >d/a
tar --mtime=@0 -cf - d | xz -T2 --block-size=20000 >x.txz
tar xJOf x.txz | sha256sum
xz -t /dev/null
