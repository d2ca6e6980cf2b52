/* Two functions that call each other, and allocate: a function stands in a call stack more than once. */
#include <stdlib.h>

void *kept[64];
static int n_kept;

void ping(int depth);

__attribute__((noinline)) void keep(size_t size) { kept[n_kept++] = malloc(size); }

__attribute__((noinline)) void pong(int depth)
{
    keep(101 + (size_t)depth);
    if (depth > 0)
        ping(depth - 1);
    keep(203);
}

__attribute__((noinline)) void ping(int depth)
{
    keep(307);
    if (depth > 0)
        pong(depth - 1);
    keep(401 + (size_t)depth);
}

int main(void)
{
    ping(5);
    pong(4);
    keep(503);
    return 0;
}
