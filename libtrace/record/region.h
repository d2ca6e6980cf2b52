/* This image's region of the session's shared memory (layout and rules: shm.h).
 *
 * vz_region is NULL until the image has attached, and changes in a forked child when it claims its own.
 * All may be called in a hook; lock-free.
 */
#ifndef VZ_REGION_H
#define VZ_REGION_H

#include <stdbool.h>
#include <stddef.h>

#include "shm.h"

extern struct vz_session *vz_session_shm; /* the session header; NULL: not attached */
extern struct vz_region *vz_region;       /* this image's region */
extern uint64_t vz_region_bytes;          /* how much of it is mapped */

static inline void *vz_region_at(uint64_t offset) { return (char *)vz_region + offset; }
static inline void *vz_region_page(uint32_t page) { return vz_region_at((uint64_t)page * VZ_PAGE); }

/* Zeroed, accessible memory of the region: its offset, a multiple of VZ_PAGE, or 0 when the region is full or the
 * kernel refuses (recording then stops: vz_region->stopped is set). bytes is rounded up to VZ_PAGE. */
uint64_t vz_region_alloc(uint64_t bytes);

#define VZ_REGION_STEP (1u << 20) /* how much becomes accessible at a time */

/* Make this region the image's own: attaching, or in a forked child. bytes: how much of it is mapped, a multiple of
 * VZ_REGION_STEP. Returns 0, or -1 if the kernel refuses access. */
int vz_region_enter(struct vz_region *region, uint64_t bytes);

/* Note in the region why recording stops; the first reason stays. */
void vz_region_stop(enum vz_stop why);

#endif
