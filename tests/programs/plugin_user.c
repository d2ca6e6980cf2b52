/* plugin_user LIBRARY: loads the library, and calls plugin_own of it. */
#include <dlfcn.h>

#include "tally.h"

int main(int argc, char **argv)
{
    EXPECT(argc > 1);
    void *library = dlopen(argv[1], RTLD_NOW);
    EXPECT(library != NULL);
    void (*own)(void);
    *(void **)&own = dlsym(library, "plugin_own");
    EXPECT(own != NULL);
    own();
    return 0;
}
