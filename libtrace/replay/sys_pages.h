/* What a large table asks of the kernel. */
#ifndef VZ_SYS_PAGES_H
#define VZ_SYS_PAGES_H

#include <stddef.h>

/* Fresh memory that will be read at random: have it in huge pages if that can be. With a million live blocks replay takes
 * a third of the time then. A hint: nothing depends on it. */
void vz_prefer_huge_pages(void *memory, size_t bytes);

#endif
