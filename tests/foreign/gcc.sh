# needs gcc:gcc
echo 'int printf(const char *, ...); int main(void) { return printf("hi\n"); }' >a.c
gcc -O2 -g -o a a.c && ./a
echo "status $?"
gcc -c nofile.c
