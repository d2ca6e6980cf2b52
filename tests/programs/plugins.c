/* plugins A.so B.so ROUNDS: loads two libraries in turn, each at the address where the other was, and allocates in
 * them.
 *
 * Each block is one that its own code allocated and the next round frees: 229 bytes in A, 233 in B. The two last ones
 * stay. What dlopen itself allocates is not counted here.
 */
#include <dlfcn.h>

#include "tally.h"

static void *allocate_in(const char *path, size_t bytes)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        dprintf(STDERR_FILENO, "%s\n", dlerror());
        _exit(97);
    }
    void *(*allocate)(size_t);
    *(void **)&allocate = dlsym(library, "plugin_allocate");
    EXPECT(allocate != NULL);
    void *block = allocate(bytes);
    EXPECT(dlclose(library) == 0);
    return block;
}

int main(int argc, char **argv)
{
    EXPECT(argc > 3);
    void *first = NULL, *second = NULL;
    for (int rounds = atoi(argv[3]); rounds > 0; rounds--) {
        free(first);
        free(second);
        first = allocate_in(argv[1], 229);
        second = allocate_in(argv[2], 233);
        EXPECT(first && second);
    }
    return 0;
}
