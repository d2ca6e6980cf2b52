/* loading WAY LIBRARY: loads a library built of plugin.c in one WAY, and allocates 229 bytes in it, which stay.
 *
 * dlopen, deepbind: by its name alone it is found where this program's RUNPATH says. dlmopen: with a C library of its own.
 */
#include <dlfcn.h>
#include <string.h>

#include "tally.h"

static void *load(const char *way, const char *library)
{
    if (strcmp(way, "dlmopen") == 0)
        return dlmopen(LM_ID_NEWLM, library, RTLD_NOW);
    return dlopen(library, strcmp(way, "deepbind") == 0 ? RTLD_NOW | RTLD_DEEPBIND : RTLD_NOW);
}

int main(int argc, char **argv)
{
    EXPECT(argc > 2);
    void *library = load(argv[1], argv[2]);
    if (!library) {
        dprintf(STDERR_FILENO, "%s\n", dlerror());
        return 97;
    }
    void *(*allocate)(size_t);
    *(void **)&allocate = dlsym(library, "plugin_allocate");
    EXPECT(allocate != NULL && allocate(229) != NULL);
    if (strcmp(argv[1], "deepbind") == 0)
        free(allocate(233)); /* one heap, whatever the plugin is bound to */
    return write(STDOUT_FILENO, "done\n", 5) != 5;
}
