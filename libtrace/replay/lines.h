/* Arrays that begin at a cache line, so that an element of half or one line lies in one. */
#ifndef VZ_LINES_H
#define VZ_LINES_H

#include <stddef.h>

/* An array of so many bytes, of which the first used_bytes are copied from the old one, which is freed. NULL: no memory, and
 * the old one is as it was. To be freed by free. */
void *vz_lines_grow(void *old, size_t used_bytes, size_t bytes);

/* The same, and the old one stays: used_bytes of it are copied. */
void *vz_lines_copy(const void *old, size_t used_bytes, size_t bytes);

/* A new one, of zeros, likewise. */
void *vz_lines_new(size_t bytes);

#endif
