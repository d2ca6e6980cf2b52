# needs clang:clang
echo 'int f(int x) { return x * 3; }' >a.c
clang -O2 -S -emit-llvm -o - a.c
clang -O2 -c a.c && sha256sum a.o
