/* The library is for glibc. */
#include <string.h>

#include "libc.h"

const char vz_libc_name[] = "glibc";

/* ld-linux-x86-64.so.2, ld-linux.so.2, ld64.so.1, ld.so.1. */
bool vz_libc_has_loader(const char *interpreter)
{
    const char *slash = strrchr(interpreter, '/');
    const char *name = slash ? slash + 1 : interpreter;
    return strncmp(name, "ld-linux", 8) == 0 || strncmp(name, "ld64.so", 7) == 0 || strncmp(name, "ld.so", 5) == 0;
}
