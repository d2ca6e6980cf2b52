/* own_allocator: allocates by an allocator that is linked into it, called OWN_MALLOC. As a library (-shared): the same
 * for others.
 *
 * With -DOWN_MALLOC=malloc the whole program uses it, and nothing of it reaches the C library's.
 */
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#ifndef OWN_MALLOC
#define OWN_MALLOC je_malloc
#endif

static _Alignas(16) char pool[1 << 20];
static size_t n_used;

void *OWN_MALLOC(size_t bytes);
void *OWN_MALLOC(size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    if (bytes > sizeof pool - n_used)
        return NULL;
    n_used += bytes;
    return pool + n_used - bytes;
}

void plugin_own(void);
void plugin_own(void) { OWN_MALLOC(313); }

int main(void)
{
    plugin_own();
    return write(STDOUT_FILENO, "done\n", 5) != 5;
}
