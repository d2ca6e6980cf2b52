/* Huge pages, where the kernel has madvise for them. */
#define _DEFAULT_SOURCE /* madvise */
#include "sys_pages.h"

#include <stdint.h>
#include <sys/mman.h>

#define HUGE_BYTES (2u << 20)

void vz_prefer_huge_pages(void *memory, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    uintptr_t start = ((uintptr_t)memory + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1);
    uintptr_t end = ((uintptr_t)memory + bytes) & ~(uintptr_t)(HUGE_BYTES - 1);

    if (start < end)
        (void)madvise((void *)start, end - start, MADV_HUGEPAGE);
#else
    (void)memory, (void)bytes;
#endif
}
