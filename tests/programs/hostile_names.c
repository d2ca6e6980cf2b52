// Allocates in a function that a test renames to what is no name: markup, script, mathematics.

#include <stdlib.h>

__attribute__((noinline)) void *remember(size_t size)
{
    void *volatile block = malloc(size); // no tail call: the function must be in the call stack
    return block;
}

int main(void)
{
    void *volatile first = remember(1001);
    void *volatile second = remember(2003);
    free(second);
    return first == NULL;
}
