/* The C library whose programs the library inside vizzytrace is for: libc_glibc.c, libc_musl.c. Its own may be another. */
#ifndef VZ_LAUNCHER_LIBC_H
#define VZ_LAUNCHER_LIBC_H

#include <stdbool.h>

extern const char vz_libc_name[];

/* Whether an interpreter (PT_INTERP) is that library's loader. */
bool vz_libc_has_loader(const char *interpreter);

#endif
