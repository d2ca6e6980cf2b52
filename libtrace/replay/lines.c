/* Arrays that begin at a cache line. */
#include "lines.h"

#include <stdlib.h>
#include <string.h>

#include "sys_pages.h"

#define LINE_BYTES 64u

void *vz_lines_grow(void *old, size_t used_bytes, size_t bytes)
{
    void *grown = aligned_alloc(LINE_BYTES, (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES);

    if (!grown)
        return NULL;
    vz_prefer_huge_pages(grown, bytes);
    if (used_bytes)
        memcpy(grown, old, used_bytes);
    free(old);
    return grown;
}

void *vz_lines_new(size_t bytes)
{
    void *lines = vz_lines_grow(NULL, 0, bytes);

    if (lines)
        memset(lines, 0, bytes);
    return lines;
}
