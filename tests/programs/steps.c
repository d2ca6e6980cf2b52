/* Does one step for each line of its standard input, and says so; ends at its end. So a test knows what is live when.
 *
 * A step grows a list by 100 blocks of 1,001 bytes (grow), exchanges a cache of one block of 300,007 (renew), and makes 50
 * temporary blocks of 77 (format). Nothing of its own else allocates. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *cache;
static void **list;

__attribute__((noinline)) static void grow(void)
{
    for (int k = 0; k < 100; k++) {
        void **next = malloc(1001);
        *next = list;
        list = next;
    }
}

__attribute__((noinline)) static void renew(void)
{
    free(cache);
    cache = malloc(300007);
}

__attribute__((noinline)) static void format(void)
{
    for (int k = 0; k < 50; k++) {
        void *volatile text = malloc(77);
        free(text);
    }
}

__attribute__((noinline)) static void step(void)
{
    grow();
    renew();
    format();
}

int main(void)
{
    char byte;
    while (read(0, &byte, 1) == 1)
        if (byte == '\n') {
            step();
            (void)!write(1, "done\n", 5);
        }
    return 0;
}
