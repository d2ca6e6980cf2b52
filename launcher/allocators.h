/* Allocators linked statically into a program or a library: their calls can't be hooked, so the user and the trace are
 * told. */
#ifndef VZ_ALLOCATORS_H
#define VZ_ALLOCATORS_H

#include "collector.h"

/* Looks into a module's file when an image announces it. If the module has an allocator of its own: notes that in the
 * trace, and warns, once for each file. path: as the image names it. */
void vz_allocators_examine(struct vz_collector *collector, const struct vz_image *image, struct vz_text path,
                           uint64_t time);

#endif
