# needs make:make gcc:gcc
mkdir src; for i in 1 2 3 4 5 6; do echo "int f$i(int x) { return x * $i; }" >src/f$i.c; done
printf 'OBJECTS = %s\nlibf.a: $(OBJECTS)\n\tar rcs $@ $^\n%%.o: %%.c\n\t$(CC) -O2 -c -o $@ $<\n' \
    "$(echo src/f?.c | sed 's/\.c/.o/g')" >Makefile
make -s -j3 && ar t libf.a && nm -P src/f3.o
