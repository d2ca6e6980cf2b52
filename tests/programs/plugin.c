/* A library for plugins.c: one function that allocates, with a frame of its own. */
#include <stdlib.h>

__attribute__((visibility("default"))) void *plugin_allocate(size_t bytes);

static __attribute__((noinline)) char *inner(size_t bytes)
{
    char *block = malloc(bytes);
    if (block)
        block[0] = 1;
    return block;
}

void *plugin_allocate(size_t bytes)
{
    char *block = inner(bytes);
    if (block)
        block[0]++;
    return block;
}
