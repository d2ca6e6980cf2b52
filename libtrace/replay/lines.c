/* Arrays that begin at a cache line. */
#include "lines.h"

#include <stdlib.h>
#include <string.h>

#include "sys_pages.h"

#define LINE_BYTES 64u

void *vz_lines_copy(const void *old, size_t used_bytes, size_t bytes)
{
    void *copy = aligned_alloc(LINE_BYTES, (bytes / LINE_BYTES + 1) * LINE_BYTES);

    if (!copy)
        return NULL;
    vz_prefer_huge_pages(copy, bytes);
    if (used_bytes)
        memcpy(copy, old, used_bytes);
    return copy;
}

void *vz_lines_grow(void *old, size_t used_bytes, size_t bytes)
{
    void *grown = vz_lines_copy(old, used_bytes, bytes);

    if (grown)
        free(old);
    return grown;
}

void *vz_lines_new(size_t bytes)
{
    void *lines = vz_lines_copy(NULL, 0, bytes);

    if (lines)
        memset(lines, 0, bytes);
    return lines;
}
