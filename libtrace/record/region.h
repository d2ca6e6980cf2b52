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
extern size_t vz_region_bytes;            /* how much of it is mapped */

static inline void *vz_region_at(uint64_t offset) { return (char *)vz_region + offset; }
static inline void *vz_region_page(uint32_t page) { return vz_region_at((uint64_t)page * VZ_PAGE); }

/* Zeroed, accessible memory of the region: its offset, a multiple of VZ_PAGE, or 0 when the region can't grow just now; or is
 * full, or the kernel refuses (recording then stops: vz_region->stopped is set). bytes is rounded up to VZ_PAGE. */
uint64_t vz_region_alloc(uint64_t bytes);

#define VZ_REGION_STEP (1u << 20) /* how much becomes accessible at a time */

enum vz_growth { VZ_GROWN, VZ_GROW_LATER, VZ_GROW_REFUSED };

/* How a region grows: makes [from, to) of it accessible. Threads may ask for the same at once. LATER: not now, but perhaps the
 * next time. */
typedef enum vz_growth (*vz_region_grower)(struct vz_region *region, uint64_t from, uint64_t to);

/* Make this region the image's own: attaching, or in a forked child. bytes: how much of it is mapped, a multiple of
 * `step`, by which it grows. grow: NULL: it is mapped and only needs to be unprotected. Returns 0, or -1 if the kernel refuses. */
int vz_region_enter(struct vz_region *region, size_t bytes, uint64_t step, vz_region_grower grow);

/* Note in the region why recording stops; the first reason stays. */
void vz_region_stop(enum vz_stop why);

#endif
