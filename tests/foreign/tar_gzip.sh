# needs tar:tar gzip:gzip
mkdir d
seq 20000 >d/a
seq 5 >d/b
tar --sort=name --mtime=@0 -czf x.tgz d
tar tzf x.tgz
tar xzOf x.tgz | sha256sum
