/* The library is for musl. */
#include <string.h>

#include "libc.h"

const char vz_libc_name[] = "musl";

/* ld-musl-x86_64.so.1. */
bool vz_libc_has_loader(const char *interpreter)
{
    const char *slash = strrchr(interpreter, '/');
    return strncmp(slash ? slash + 1 : interpreter, "ld-musl", 7) == 0;
}
