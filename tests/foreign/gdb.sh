# needs gdb:gdb
gdb -nx -batch -ex 'print sizeof(long) * 7' -ex 'python print(sum(range(999)))'
